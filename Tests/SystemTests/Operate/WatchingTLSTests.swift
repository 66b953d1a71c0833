import Foundation
import Testing
import Wire

extension SystemTests {
    /// `top`, `trace` and `capture` against an admin server that speaks TLS.
    @Suite struct WatchingTLSTests {
        private let environment = ["SWITCHYARD_TEST_TOKEN": "hunter2"]

        /// A gateway whose admin server has a certificate for `localhost` and 127.0.0.1.
        private func withAdmin(clients: Bool = false, _ body: (SwitchyardProcess, Certificates, UpstreamServer) throws -> Void) throws {
            let files = try Certificates()
            defer { files.remove() }
            try files.make("admin", common: "localhost", alternatives: "DNS:localhost,IP:127.0.0.1")
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            var configuration = Configuration(to: upstream)
            let authority = clients ? ", clients: \(files.authority)" : ""
            let tls = "{ certificate: \(files.certificate("admin")), key: \(files.key("admin"))\(authority) }"
            configuration.admin = "{ listen: 127.0.0.1:0, token: env:SWITCHYARD_TEST_TOKEN, tls: \(tls) }"
            try withGateway(configuration, environment: environment) { gateway in try body(gateway, files, upstream) }
        }

        private func start(_ gateway: SwitchyardProcess, host: String = "127.0.0.1", _ arguments: String...) throws -> ChildProcess {
            let place = ["--admin", "\(host):\(gateway.adminPort)", "--token", "env:SWITCHYARD_TEST_TOKEN"]
            return try ChildProcess(SwitchyardProcess.binary(), arguments + place, environment: environment)
        }

        @Test("top shows the process over TLS, by address and by name, judged by the authority that is given")
        func top() throws {
            try withAdmin { gateway, files, _ in
                for host in ["127.0.0.1", "localhost"] {
                    let child = try start(gateway, host: host, "top", "--once", "--tls-ca", files.authority)
                    defer { child.end() }
                    #expect(try child.exitCode() == 0, "\(child.errors)")
                    #expect(child.output.contains { $0.contains("gateway") && $0.contains("127.0.0.1:\(gateway.port)") }, "\(child.output)")
                }
            }
        }

        @Test("trace follows a user, and capture writes pcapng, over TLS")
        func traceAndCapture() throws {
            try withAdmin { gateway, files, upstream in
                let one = try gateway.bound(to: upstream, user: 1001, token: 7)
                let trace = try start(gateway, "trace", "--user", "1001", "--seconds", "60", "--tls-ca", files.authority)
                defer { trace.end() }
                try eventually("a line of the trace; it said \(trace.errors)") {
                    try one.client.send(Packet(100, "followed"))
                    return trace.output.contains { $0.contains("type 100, user 1001") }
                }
                trace.signal(SIGINT)
                #expect(try trace.exitCode() == 0)
                let out = files.path("capture.pcapng")
                let capture = try start(gateway, "capture", "--out", out, "--seconds", "60", "--tls-ca", files.authority)
                defer { capture.end() }
                try eventually("bytes in the capture; it said \(capture.errors)") {
                    try one.client.send(Packet(100, "captured"))
                    return FileManager.default.contents(atPath: out)?.firstRange(of: Data("captured".utf8)) != nil
                }
                capture.signal(SIGINT)
                #expect(try capture.exitCode() == 0)
                let start = try #require(FileManager.default.contents(atPath: out)).prefix(4)
                #expect(Array(start) == [0x0A, 0x0D, 0x0D, 0x0A])
            }
        }

        @Test("Whoever cannot be trusted, or shows no certificate where one is asked for, is one clear line and exit 1")
        func refused() throws {
            try withAdmin(clients: true) { gateway, files, _ in
                try files.makeSelfSigned("stranger")
                try files.make("operator", common: "operator", alternatives: "DNS:operator.example")
                let certificate = ["--tls-certificate", files.certificate("operator"), "--tls-key", files.key("operator")]
                let cases: [([String], String)] = [
                    (["--tls-ca", files.certificate("stranger")] + certificate, "its certificate is not signed by an authority"),
                    (["--tls-ca", files.authority, "--tls-name", "other.example"] + certificate, "its certificate is made out to another name"),
                    (["--tls-ca", files.path("nowhere.pem")] + certificate, "nowhere.pem is not there"),
                    (["--tls-ca", files.authority], "a certificate of ours"),
                    ([], "closed"),
                ]
                for (more, words) in cases {
                    let place = ["--admin", "127.0.0.1:\(gateway.adminPort)"]
                    let child = try ChildProcess(
                        SwitchyardProcess.binary(), ["top", "--once"] + place + more, environment: ["ADMIN_TOKEN": "hunter2"])
                    defer { child.end() }
                    #expect(try child.exitCode() == 1)
                    #expect(child.errors.count == 1 && child.errors[0].contains(words), "\(more): \(child.errors)")
                }
                let child = try start(gateway, ["top", "--once", "--tls-ca", files.authority] + certificate)
                defer { child.end() }
                #expect(try child.exitCode() == 0, "\(child.errors)")
            }
        }

        private func start(_ gateway: SwitchyardProcess, _ arguments: [String]) throws -> ChildProcess {
            let place = ["--admin", "127.0.0.1:\(gateway.adminPort)", "--token", "env:SWITCHYARD_TEST_TOKEN"]
            return try ChildProcess(SwitchyardProcess.binary(), arguments + place, environment: environment)
        }

        @Test("bench loads a listener with TLS")
        func bench() throws {
            let files = try Certificates()
            defer { files.remove() }
            try files.make("edge", common: "localhost", alternatives: "DNS:localhost,IP:127.0.0.1")
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            let tls = "tls: { certificate: \(files.certificate("edge")), key: \(files.key("edge")) }"
            try withGateway(Configuration(routes: [Configuration.route("echo", "7", upstream)], gateway: [tls])) { gateway in
                let load = ["bench", "packet", "--connections", "2", "--window", "2", "--seconds", "0.2", "--to", "127.0.0.1:\(gateway.port)"]
                let child = try ChildProcess(SwitchyardProcess.binary(), load + ["--tls-ca", files.authority])
                defer { child.end() }
                #expect(try child.exitCode(within: .seconds(20)) == 0, "\(child.errors)")
                let plain = try ChildProcess(SwitchyardProcess.binary(), load + ["--tls-ca", files.certificate("nowhere")])
                defer { plain.end() }
                #expect(try plain.exitCode(within: .seconds(20)) == 1)
                #expect(plain.errors.count == 1 && plain.errors[0].contains("nowhere.pem is not there"), "\(plain.errors)")
            }
        }
    }
}
