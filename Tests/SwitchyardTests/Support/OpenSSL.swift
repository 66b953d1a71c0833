import Foundation

/// Runs a program to its end.
/// - Returns: its exit code, and what it wrote to its output.
@discardableResult
func run(_ program: String, _ arguments: [String], input: [UInt8] = []) throws -> (status: Int32, output: [UInt8]) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    let (output, words) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardInput = words
    process.standardError = FileHandle.nullDevice
    try process.run()
    try words.fileHandleForWriting.write(contentsOf: Data(input))
    try words.fileHandleForWriting.close()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, Array(bytes))
}

/// A folder with an authority of the test's own, and certificates that it signs.
struct TestCertificates {
    let folder: String
    var authority: String { path("ca.pem") }

    private struct Failed: Error { var arguments: [String] }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("switchyard-library-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try openssl(TestCertificates.newKey + ["-x509", "-keyout", path("ca.key"), "-out", authority, "-subj", "/CN=test authority", "-days", "2"])
    }

    private static let newKey = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    func path(_ name: String) -> String { "\(folder)/\(name)" }

    /// Makes `NAME.pem` and `NAME.key`, made out to this machine's loopback.
    func make(_ name: String) throws -> (certificate: String, key: String) {
        try openssl(TestCertificates.newKey + ["-keyout", path("\(name).key"), "-out", path("\(name).csr"), "-subj", "/CN=\(name)"])
        try Data("subjectAltName=DNS:localhost,IP:127.0.0.1".utf8).write(to: URL(fileURLWithPath: path("\(name).ext")))
        try openssl([
            "x509", "-req", "-in", path("\(name).csr"), "-CA", authority, "-CAkey", path("ca.key"), "-CAcreateserial", "-out",
            path("\(name).pem"), "-days", "2", "-extfile", path("\(name).ext"),
        ])
        return (path("\(name).pem"), path("\(name).key"))
    }

    private func openssl(_ arguments: [String]) throws {
        guard try run("openssl", arguments).status == 0 else { throw Failed(arguments: arguments) }
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
}
