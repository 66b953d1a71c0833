import Foundation
import Testing
import Wire

extension SystemTests {
    /// Who may connect, and whom a load balancer speaks for.
    @Suite struct ProxyProtocolTests {
        private let ping = Packet(.ping, bytes: [1]).encoded(.standard)
        private let v2 =
            [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 12, 192, 0, 2, 7, 127, 0, 0, 1, 1, 1, 2, 2]
            as [UInt8]

        private func isServed(_ socket: Socket) -> Bool {
            guard case .bytes(let bytes) = socket.read(within: .seconds(3)) else { return false }
            return bytes.count == ping.count && bytes[3] == 5
        }

        @Test("A header of either version is taken off, in one piece or byte by byte, and its client is the client")
        func header() throws {
            try withGateway(Configuration(gateway: ["proxyProtocol: [127.0.0.1]", "limits: { perAddress: 1 }"])) { gateway in
                let first = try Socket(port: gateway.port)
                try first.write(Array("PROXY TCP4 192.0.2.9 127.0.0.1 4711 7000\r\n".utf8) + ping)
                #expect(isServed(first))
                let second = try Socket(port: gateway.port)
                for byte in v2 + ping { try second.write([byte]) }
                #expect(isServed(second))
                // The limit per address is of the client's address, not of the balancer's.
                let third = try Socket(port: gateway.port)
                try third.write(Array("PROXY TCP4 192.0.2.9 127.0.0.1 4712 7000\r\n".utf8) + ping)
                #expect(!isServed(third))
                try gateway.logLine("refused client 192.0.2.9:4712")
            }
        }

        @Test("From a trusted sender the header is required: without one it is closed without a word, counted and logged")
        func required() throws {
            try withGateway(Configuration(gateway: ["proxyProtocol: [127.0.0.1]"])) { gateway in
                let socket = try Socket(port: gateway.port)
                try socket.write(ping)
                #expect([.end, .reset].contains(socket.read(within: .seconds(3))))
                try gateway.logLine("it is trusted to send a PROXY header", "it does not begin with a PROXY header")
                #expect(try gateway.metrics()["connections_refused_total", ["why": "proxy"]] == 1)
            }
        }

        @Test("From anyone else a header is not read as one")
        func untrusted() throws {
            try withGateway(Configuration(gateway: ["proxyProtocol: [10.0.0.0/8]"])) { gateway in
                let client = try gateway.clients(1)[0]
                try client.expectNothing()
                let socket = try Socket(port: gateway.port)
                try socket.write(v2 + ping)
                #expect(!isServed(socket))
            }
        }

        @Test("deny and allow judge the client: refused ones are closed without a word and counted")
        func lists() throws {
            let lists = ["allow: [127.0.0.0/30, 192.0.2.0/24]", "deny: [127.0.0.2, 192.0.2.7]", "proxyProtocol: [127.0.0.3]"]
            try withGateway(Configuration(gateway: lists)) { gateway in
                try gateway.client(source: "127.0.0.1").expectNothing()
                for source in ["127.0.0.2", "127.0.0.4"] {
                    let socket = try Socket(port: gateway.port, source: source)
                    #expect([.end, .reset].contains(socket.read(within: .seconds(3))))
                }
                func throughBalancer(_ header: [UInt8]) throws -> Bool {
                    let socket = try Socket(port: gateway.port, source: "127.0.0.3")
                    try socket.write(header + ping)
                    return isServed(socket)
                }
                #expect(try throughBalancer(Array("PROXY TCP4 192.0.2.8 127.0.0.1 1 2\r\n".utf8)))
                #expect(try !throughBalancer(v2))
                #expect(try !throughBalancer(Array("PROXY TCP4 203.0.113.1 127.0.0.1 1 2\r\n".utf8)))
                #expect(try throughBalancer(Array("PROXY UNKNOWN\r\n".utf8)))
                #expect(try gateway.metrics()["connections_refused_total", ["why": "address"]] == 4)
            }
        }

        @Test("A header comes before TLS")
        func beforeTLS() throws {
            let files = try Certificates()
            defer { files.remove() }
            try files.make("server", common: "localhost", alternatives: "DNS:localhost,IP:127.0.0.1")
            let tls = "tls: { certificate: \(files.certificate("server")), key: \(files.key("server")) }"
            try withGateway(Configuration(gateway: ["proxyProtocol: [127.0.0.1]", tls])) { gateway in
                let script = """
                    import socket, ssl, sys
                    plain = socket.create_connection(("127.0.0.1", \(gateway.port)))
                    plain.sendall(b"PROXY TCP4 192.0.2.9 127.0.0.1 4711 7000\\r\\n")
                    context = ssl.create_default_context(cafile="\(files.authority)")
                    with context.wrap_socket(plain, server_hostname="localhost") as secure:
                        secure.sendall(bytes.fromhex("001dff04") + bytes(24) + b"~")
                        print(secure.recv(29)[:4].hex())
                    """
                let child = try ChildProcess("python3", ["-c", script])
                defer { child.end() }
                #expect(try child.outputLine("001d") == "ff05")
            }
        }
    }
}
