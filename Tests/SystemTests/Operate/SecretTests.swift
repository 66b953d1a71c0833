import Foundation
import NIOCore
import Testing
import Wire

extension SystemTests {
    /// No secret is printed, anywhere. What every process of these tests prints, and what admin servers answer, is searched for the secrets that it was
    /// given as it comes (``Leaks``); here everything that shows or logs a configuration is made to.
    @Suite struct SecretTests {
        private let environment = [
            "SWITCHYARD_TEST_TOKEN": "hunter2", "EDGE_SECRET": "bravo-edge-7731", "SERVICE_SECRET": "kilo-service-4410",
            "RPC_SECRET": "tango-rpc-9082", "WRONG_SECRET": "whiskey-wrong-1177",
        ]

        /// Every role, and a secret wherever one can be.
        private func lines(_ file: String, log: String = "{ level: trace, format: json }") -> [String] {
            [
                "name: all", "loops: 2", "log: \(log)", "hub:", "  edges: { listen: \"127.0.0.1:0\" }", "  services: { listen: \"127.0.0.1:0\" }",
                "  join:", "    - { token: env:EDGE_SECRET, role: edge }", "    - { token: file:\(file), role: service }", "rpcHub:",
                "  callers: { listen: \"127.0.0.1:0\" }", "  agents: { listen: \"127.0.0.1:0\" }", "  token: env:RPC_SECRET", "gateway:",
                "  listen: 127.0.0.1:0", "  default: hubs", "  hubs: { to: [\"127.0.0.1:1\"], token: env:WRONG_SECRET }", "rpcAgent:",
                "  hubs: { to: [\"127.0.0.1:1\"], token: env:WRONG_SECRET }", "  rpcIDs: [1-9]", "  upstream: { to: [\"127.0.0.1:1\"] }", "rpcProxy:",
                "  listen: 127.0.0.1:0", "  routes: [{ name: main, methods: [\"*\"], to: [\"127.0.0.1:1\"] }]",
            ]
        }

        @Test("Pages, logs at every level, refused HELLOs, reloads and `check` print none of a process's secrets, and mask them where they stand")
        func everything() throws {
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("secret-\(UUID().uuidString)").path
            try Data("kilo-service-4410\n".utf8).write(to: URL(fileURLWithPath: file))
            defer { try? FileManager.default.removeItem(atPath: file) }
            let before = Leaks.searched
            try withReloading(lines(file), admin: "{ listen: \"127.0.0.1:0\", token: env:SWITCHYARD_TEST_TOKEN }", environment: environment) {
                process in
                let bearer = ["Authorization: Bearer hunter2"]
                for path in [
                    "/", "/metrics", "/status", "/links", "/links?closed=true", "/routes", "/registry", "/pools", "/lanes", "/pending", "/config",
                ] {
                    #expect(try process.get(path, headers: bearer).status == 200, "\(path)")
                }
                let shown = try process.get("/config?format=yaml", headers: bearer).body
                #expect(shown.components(separatedBy: "token: '***'").count >= 5, "\(shown)")
                // What is shown with a wrong secret, a right one, and one in the wrong place.
                for secret in environment.values {
                    let link = try PacketClient(port: process.port("hub edges"))
                    try link.send(Packet(Hello(role: .edge, cluster: 1, node: 3, token: Array(secret.utf8), name: "e")))
                    _ = try link.receive()
                    let caller = try RPCPeer(port: process.port("rpcHub callers"), node: 4)
                    try caller.send(RPCFrame(.hello, Hello(role: .caller, node: 4, token: Array(secret.utf8), name: "c")))
                    _ = try caller.next()
                    #expect(try process.get("/status", headers: ["Authorization: Bearer \(secret)x"]).status == 401)
                }
                try process.reload(lines(file, log: "{ level: trace }"))
                _ = try process.reloadRefused(lines(file).map { $0 == "loops: 2" ? "loops: 3" : $0 })
                process.child.signal(SIGTERM)
                #expect(try process.child.exitCode(within: .seconds(20)) == 0)
            }
            let configuration = try ConfigurationFile(
                (lines(file) + ["admin: { listen: 127.0.0.1:0, token: env:SWITCHYARD_TEST_TOKEN }"]).joined(separator: "\n"))
            defer { configuration.remove() }
            let check = try ChildProcess(SwitchyardProcess.binary(), ["check", configuration.path], environment: environment)
            defer { check.end() }
            #expect(try check.exitCode() == 0, "\(check.errors)")
            #expect(check.output.count { $0.contains("'***'") } == 6, "\(check.output)")
            #expect(Leaks.searched - before > 200, "lines that were searched")
        }

        @Test("A secret in a line of output is seen, whatever stands around it")
        func seen() throws {
            let secrets = Leaks.secrets(in: environment)
            #expect(Leaks.found(secrets, in: "token=hunter2,") == "SWITCHYARD_TEST_TOKEN")
            #expect(Leaks.found(secrets, in: "x kilo-service-4410") == "SERVICE_SECRET")
            #expect(Leaks.found(secrets, in: "hunter 2 kilo service") == nil)
            #expect(Leaks.secrets(in: ["NOTIFY_SOCKET": "/run/notify", "EDGE": "edge secret"]).map(\.name) == ["EDGE"])
        }
    }
}
