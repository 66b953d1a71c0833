import Foundation
import Testing
import Wire

extension SystemTests {
    /// TLS toward clients.
    @Suite struct TLSListenerTests {
        private func configuration(_ files: Certificates, _ name: String = "server", more: String = "") -> Configuration {
            Configuration(gateway: ["tls: { certificate: \(files.certificate(name)), key: \(files.key(name))\(more) }"])
        }

        private func withFiles(_ body: (Certificates) throws -> Void) throws {
            let files = try Certificates()
            defer { files.remove() }
            try files.make("server", common: "localhost", alternatives: "DNS:localhost,IP:127.0.0.1")
            try body(files)
        }

        @Test("TLS 1.2 and 1.3 are served, 1.1 is refused with a clear log line")
        func versions() throws {
            try withFiles { files in
                try withGateway(configuration(files)) { gateway in
                    for version in ["-tls1_2", "-tls1_3"] {
                        let attempt = try TLSAttempt(port: gateway.port, "\(version) -CAfile \(files.authority)")
                        #expect(attempt.isServed, "\(version): \(attempt)")
                    }
                    #expect(try !TLSAttempt(port: gateway.port, "-tls1_1 -CAfile \(files.authority)").isServed)
                    try gateway.logLine("speaks no TLS version that we do")
                    let metrics = try gateway.metrics()
                    #expect(metrics["connections_refused_total", ["why": "tls", "side": "clients"]] == 1)
                }
            }
        }

        @Test("S15: plain text on a TLS port closes that one connection, with a log line that says what it was")
        func plainOnTLS() throws {
            try withFiles { files in
                try withGateway(configuration(files)) { gateway in
                    let http = try Socket(port: gateway.port)
                    try http.write(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
                    try gateway.logLine("this is a TLS port and it sent an HTTP request")
                    let packet = try Socket(port: gateway.port)
                    try packet.write(Packet(100, "in clear").encoded(.standard))
                    try gateway.logLine("this is a TLS port and it sent something else")
                    #expect(try TLSAttempt(port: gateway.port, "-CAfile \(files.authority)").isServed)
                }
            }
        }

        @Test("S15: a TLS hello on a plain port closes that one connection, with a log line that says what it was")
        func tlsOnPlain() throws {
            try withGateway(Configuration()) { gateway in
                let client = try gateway.clients(1)[0]
                #expect(try !TLSAttempt(port: gateway.port, "").isServed)
                try gateway.logLine("this is a packet port and it sent a TLS hello")
                try client.expectNothing()
            }
        }

        @Test("S14: a client that is slow with its handshake is closed after 20 s, and costs nobody else anything")
        func slow() throws {
            try withFiles { files in
                try withGateway(configuration(files)) { gateway in
                    let slow = try Socket(port: gateway.port)
                    try slow.write([0x16, 3, 1, 2])
                    #expect(try TLSAttempt(port: gateway.port, "-CAfile \(files.authority)").isServed)
                    let start = ContinuousClock.now
                    #expect(slow.read(within: .seconds(25)) == .end || slow.read(within: .zero) == .reset)
                    #expect(ContinuousClock.now - start > .seconds(15))
                    try gateway.logLine("no TLS handshake within 20s")
                }
            }
        }

        @Test("With `clients`, a client needs a certificate of that authority")
        func clientCertificates() throws {
            try withFiles { files in
                try files.make("edge", common: "edge-1", alternatives: "DNS:edge-1.example")
                try files.makeSelfSigned("stranger")
                try withGateway(configuration(files, more: ", clients: \(files.authority)")) { gateway in
                    func attempt(_ name: String) throws -> TLSAttempt {
                        try TLSAttempt(port: gateway.port, "-CAfile \(files.authority) -cert \(files.certificate(name)) -key \(files.key(name))")
                    }
                    #expect(try attempt("edge").isServed)
                    #expect(try !attempt("stranger").isServed)
                    try gateway.logLine("its certificate is not signed by an authority")
                    #expect(try !TLSAttempt(port: gateway.port, "-CAfile \(files.authority)").isServed)
                    try gateway.logLine("it showed no certificate, and needs one")
                }
            }
        }

        @Test("New files are taken over without a restart and without a signal; broken ones are named, and the old ones serve on")
        func renewed() throws {
            try withFiles { files in
                try withGateway(configuration(files)) { gateway in
                    func subject() throws -> String {
                        let attempt = try TLSAttempt(port: gateway.port, "-CAfile \(files.authority)")
                        #expect(attempt.isServed)
                        return attempt.errors
                    }
                    let first = try subject()
                    #expect(first.contains("CN = localhost"))
                    let old = try Data(contentsOf: URL(fileURLWithPath: files.key("server")))
                    try files.make("next", common: "renewed", alternatives: "DNS:localhost,IP:127.0.0.1")
                    try Data("no key".utf8).write(to: URL(fileURLWithPath: files.key("server")))
                    try eventually("a broken file is named", within: .seconds(10)) {
                        let shown = try subject()
                        #expect(shown.contains("CN = localhost"))
                        return gateway.child.errors.contains { $0.contains("holds no private key") && $0.contains("serves on") }
                    }
                    try old.write(to: URL(fileURLWithPath: files.key("server")))
                    for (file, path) in [(files.certificate("next"), files.certificate("server")), (files.key("next"), files.key("server"))] {
                        try Data(contentsOf: URL(fileURLWithPath: file)).write(to: URL(fileURLWithPath: path))
                    }
                    try eventually("the new certificate is shown", within: .seconds(10)) { try subject().contains("CN = renewed") }
                }
            }
        }

        @Test("S27: a file that is missing, or a key that does not fit, is one clear line, and 78", arguments: ["check", "up"])
        func files(command: String) throws {
            try withFiles { files in
                try files.make("other", common: "other", alternatives: "DNS:other")
                for (certificate, key, words) in [
                    ("server", "absent", "absent.key is not there"), ("absent", "server", "absent.pem is not there"),
                    ("server", "other", "other.key is not the key of"),
                ] {
                    let yaml = "gateway:\n  listen: 127.0.0.1:0\n  tls: { certificate: \(files.certificate(certificate)), key: \(files.key(key)) }\n"
                    let file = try ConfigurationFile(yaml)
                    defer { file.remove() }
                    let child = try ChildProcess(SwitchyardProcess.binary(), command == "up" ? ["up", "--config", file.path] : ["check", file.path])
                    defer { child.end() }
                    #expect(try child.exitCode() == 78)
                    let errors = child.errors.filter { !$0.isEmpty }
                    #expect(errors.count == 1 && errors[0].contains(words) && errors[0].hasPrefix("\(file.path):3:"), "\(errors)")
                }
            }
        }
    }
}
