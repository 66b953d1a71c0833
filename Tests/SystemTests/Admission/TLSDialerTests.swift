import Foundation
import Testing
import Wire

extension SystemTests {
    /// TLS toward the servers that a route dials.
    @Suite struct TLSDialerTests {
        private func withUpstream(
            _ certificate: String, mutual: Bool = false, _ body: (_ files: Certificates, _ address: String) throws -> Void
        ) throws {
            let files = try Certificates()
            defer { files.remove() }
            try files.make("good", common: "localhost", alternatives: "DNS:localhost,IP:127.0.0.1")
            try files.make("named", common: "x", alternatives: "DNS:packets.example")
            try files.make("old", common: "localhost", alternatives: "DNS:localhost,IP:127.0.0.1", days: -1)
            try files.make("address", common: "localhost", alternatives: "IP:127.0.0.1,DNS:other.example")
            try files.make("below", common: "x", alternatives: "DNS:*.packets.example")
            try files.makeSelfSigned("self")
            let script = SwitchyardProcess.packageFile("Tests/SystemTests/Support/tls_echo_server.py")
            let child = try ChildProcess(
                "python3", [script, files.certificate(certificate), files.key(certificate)] + (mutual ? [files.authority] : []))
            defer { child.end() }
            try body(files, child.outputLine("listening on "))
        }

        private func configuration(_ address: String, _ tls: String) -> Configuration {
            Configuration(routes: ["{ name: echo, types: [100-199], to: ['\(address)'], legacy: true, tls: { \(tls) } }"])
        }

        @Test(
            "A route is served over TLS, by address, by the host's name and by `name`",
            arguments: [
                ("good", "", false), ("good", "", true), ("named", ", name: packets.example", false), ("address", "", false),
                ("below", ", name: one.packets.example", false),
            ])
        func served(certificate: String, more: String, byName: Bool) throws {
            try withUpstream(certificate) { files, address in
                let to = byName ? address.replacingOccurrences(of: "127.0.0.1", with: "localhost") : address
                try withGateway(configuration(to, "ca: \(files.authority)\(more)")) { gateway in
                    try gateway.logLine("is up")
                    let client = try gateway.client()
                    for size in [0, 100, 60_000] {
                        let body = String(repeating: "x", count: size)
                        #expect(try client.exchange(Packet(100, body)).text == body)
                    }
                }
            }
        }

        @Test(
            "A server whose certificate does not do is not used, and the log says why",
            arguments: [
                ("old", "its certificate has expired"), ("named", "its certificate is made out to another name"),
                ("self", "its certificate is not signed by an authority"),
            ])
        func refused(certificate: String, words: String) throws {
            try withUpstream(certificate) { files, address in
                try withGateway(configuration(address, "ca: \(files.authority)")) { gateway in
                    try gateway.logLine("cannot connect", words)
                    try gateway.client().expectNothing()
                    let client = try gateway.client()
                    try client.send(Packet(100, "lost"))
                    try client.expectUndelivered(.noPeer)
                }
            }
        }

        @Test(
            "Where a name is asked for, a certificate that has the server's address but not that name does not do",
            arguments: [("address", ", name: packets.example", false), ("address", "", true), ("below", ", name: packets.example", false)])
        func wrongName(certificate: String, more: String, byName: Bool) throws {
            try withUpstream(certificate) { files, address in
                let to = byName ? address.replacingOccurrences(of: "127.0.0.1", with: "localhost") : address
                try withGateway(configuration(to, "ca: \(files.authority)\(more)")) { gateway in
                    try gateway.logLine("cannot connect", "its certificate is made out to another name")
                    let client = try gateway.client()
                    try client.send(Packet(100, "to no stranger"))
                    try client.expectUndelivered(.noPeer)
                }
            }
        }

        @Test("A server that asks for a certificate is shown ours")
        func mutual() throws {
            try withUpstream("good", mutual: true) { files, address in
                try files.make("gateway", common: "edge-1", alternatives: "DNS:edge-1.example")
                let ours = ", certificate: \(files.certificate("gateway")), key: \(files.key("gateway"))"
                try withGateway(configuration(address, "ca: \(files.authority)\(ours)")) { gateway in
                    try gateway.logLine("is up")
                    #expect(try gateway.client().exchange(Packet(100, "mutual")).text == "mutual")
                }
            }
        }
    }
}
