import Foundation
import Links
import Operate
import Testing

@Suite("Configuration: secrets")
struct SecretTests {
    @Test("S27: a literal secret, an unset variable and a missing file are errors, and no message shows a secret")
    func errorsOfSecrets() {
        func line(_ token: String, environment: [String: String] = [:]) -> [String] {
            configurationErrors("admin: { listen: 127.0.0.1:0, token: \(token) }", environment: environment)
        }
        #expect(line("hunter2") == ["edge.yaml:1:38: admin.token: a secret must not stand here itself; use env:NAME or file:PATH"])
        #expect(line("'***'") == ["edge.yaml:1:38: admin.token: a secret must not stand here itself; use env:NAME or file:PATH"])
        #expect(line("'env:'") == ["edge.yaml:1:38: admin.token: a secret must not stand here itself; use env:NAME or file:PATH"])
        #expect(line("env:NOT_SET") == ["edge.yaml:1:38: admin.token: the environment variable NOT_SET is not set"])
        #expect(line("env:EMPTY", environment: ["EMPTY": ""]) == ["edge.yaml:1:38: admin.token: env:EMPTY is empty; it must hold the secret"])
        #expect(
            line("file:/nowhere/token") == [
                "edge.yaml:1:38: admin.token: file:/nowhere/token cannot be read; is it there, and readable for this user?"
            ])
        #expect(
            line("env:LONG", environment: ["LONG": String(repeating: "x", count: 4097)]) == [
                "edge.yaml:1:38: admin.token: env:LONG is too long for a secret; use at most 4096 bytes"
            ])
    }

    @Test("A secret file is found next to the configuration file; line breaks at its end are no part of the secret")
    func secretFile() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString, isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("open sesame\r\n\n".utf8).write(to: folder.appendingPathComponent("token"))
        let file = folder.appendingPathComponent("edge.yaml")
        try Data("admin: { listen: 127.0.0.1:0, token: file:token }".utf8).write(to: file)
        let token = try ConfigurationLoader.load(path: file.path, environment: [:], machine: testMachine).get().settings.admin?.token
        #expect(token == Secret(value: "open sesame", source: "file:token"))

        try Data([0xFF, 0xFE]).write(to: file)
        let notText = ConfigurationLoader.load(path: file.path, environment: [:], machine: testMachine)
        #expect(notText == .failure(ConfigurationErrors(lines: ["\(file.path): the configuration file is not UTF-8 text"])))
    }

    @Test("Printing a secret shows three stars")
    func masked() {
        let secret = Secret(value: "hunter2", source: "env:A")
        var dumped = ""
        dump(ProcessSettings.Admin(listen: .unix(path: "/a"), token: secret), to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), dumped] { #expect(!text.contains("hunter2")) }
    }
}
