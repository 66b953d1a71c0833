import Foundation
import Testing
import Wire

extension SystemTests {
    /// Input that is not what it should be (rules S15, S16).
    @Suite struct BadInputTests {
        @Test("S15: a length below the header's is answered REJECT protocol and closed", arguments: [0, 1, 27])
        func shortLength(length: UInt8) throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let first = try gateway.client()
                try first.socket.write([0, length] + Array(repeating: 0, count: 26))
                try first.expectReject(.protocol)
                first.leave()
                // The same, behind a good packet.
                let second = try gateway.client()
                try second.socket.write(Packet(.ping).encoded() + [0, length] + Array(repeating: 0, count: 26))
                #expect(try second.receive().control == .pong)
                try second.expectReject(.protocol)
                second.leave()
                try gateway.eventuallyMetric("links_closed_total", ["side": "clients", "code": "protocol"]) { $0 == 2 }
                #expect(try gateway.client().exchange(Packet(100, "ok")).text == "ok")
            }
        }

        @Test("S15: a packet cut after any byte of its header, and then closed, leaves nothing behind")
        func cut() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let bytes = Packet(100, "whole").encoded()
                for count in 0..<bytes.count {
                    let client = try gateway.client()
                    try client.socket.write(Array(bytes.prefix(count)))
                    if count % 2 == 0 { client.leave() } else { client.socket.cut() }
                }
                try gateway.client().send(Packet(100, "sound"))
                #expect(try upstream.packets(1).map(\.text) == ["sound"])
                try gateway.eventuallyMetric("links_open", ["side": "clients"]) { $0 == 0 }
                try gateway.eventuallyMetric("links_closed_total", ["side": "clients"]) { $0 == Double(bytes.count + 1) }
                #expect(upstream.packets.count == 1)
            }
        }

        static let strangers: [(name: String, bytes: [UInt8])] = [
            ("HTTP", Array("GET / HTTP/1.1\r\nHost: example.org\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n".utf8)),
            ("HTTP", Array("POST /api HTTP/1.1\r\nHost: example.org\r\n".utf8)),
            ("HTTP", Array("GET / HTTP/1.0\r\n\r\n".utf8)),
            ("TLS", [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03] + Array(repeating: 0x5A, count: 506)),
        ]

        @Test("S15: another protocol is closed without a byte, and one log line names it", arguments: BadInputTests.strangers)
        func stranger(_ stranger: (name: String, bytes: [UInt8])) throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(routes: [Configuration.route("all", "0-65279", upstream)])) { gateway in
                let client = try gateway.client()
                try client.socket.write(stranger.bytes)
                try client.expectClose(within: .seconds(2))
                try gateway.logLine(stranger.name)
                try gateway.eventuallyMetric("links_open", ["side": "clients"]) { $0 == 0 }
                #expect(gateway.child.errors.count { $0.localizedCaseInsensitiveContains(stranger.name) } == 1)
                #expect(upstream.packets.isEmpty)
            }
        }

        @Test("S15: another protocol is recognised in pieces, too")
        func inPieces() throws {
            try withGateway(Configuration()) { gateway in
                let client = try gateway.client()
                let text = "GET /a/path/that/does/not/fit/a/header/of/ours?with=a&query=too HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n"
                for piece in [text.prefix(3), text.dropFirst(3).prefix(40), text.dropFirst(43)] {
                    try client.socket.write(Array(piece.utf8))
                    pass(.milliseconds(100))
                }
                try client.expectClose(within: .seconds(2))
                try gateway.logLine("HTTP")
            }
        }

        @Test("S16: a first packet that takes longer than `handshake` from its first byte is closed with protocol; silence before it is allowed")
        func handshake() throws {
            try withGateway(Configuration(gateway: ["limits: { handshake: 1s }"])) { gateway in
                let (dripping, silent, done) = (try gateway.client(), try gateway.client(), try gateway.client())
                try done.expectNothing()
                let begin = ContinuousClock.now
                let bytes = Packet(100, "never whole").encoded()
                // Once the first packet was whole, later ones may take their time.
                try done.socket.write(Array(bytes.prefix(10)))
                for byte in bytes.prefix(20) {
                    guard (try? dripping.socket.write([byte])) != nil, ContinuousClock.now - begin < .milliseconds(950) else { break }
                    pass(.milliseconds(150))
                }
                try dripping.expectReject(.protocol)
                let took = ContinuousClock.now - begin
                #expect(took >= .milliseconds(990) && took < .milliseconds(2000), "closed after \(took)")
                pass(.milliseconds(300))
                try silent.expectNothing()
                try done.socket.write(Array(bytes.dropFirst(10)))
                try done.expectUndelivered(.noRoute, of: 100)
            }
        }

        @Test("S16: a client without a complete frame for `idle` is closed with idle; one that speaks is not")
        func idle() throws {
            try withGateway(Configuration(gateway: ["limits: { idle: 1s }"])) { gateway in
                let (silent, dripping, talking) = (try gateway.client(), try gateway.client(), try gateway.client())
                for client in [silent, dripping, talking] { try client.expectNothing() }
                let begin = ContinuousClock.now
                let watched = InBackground {
                    try silent.expectReject(.idle)
                    return ContinuousClock.now - begin
                }
                // Bytes that never become a frame are not life.
                let bytes = Packet(100, bytes: Array(repeating: 1, count: 300)).encoded()
                for byte in bytes.prefix(12) {
                    try? dripping.socket.write([byte])
                    try talking.expectNothing()
                    pass(.milliseconds(200))
                }
                let took = try watched.value()
                #expect(took >= .milliseconds(950) && took < .milliseconds(2300), "closed after \(took)")
                try dripping.expectReject(.idle)
                try talking.expectNothing()
                try gateway.eventuallyMetric("links_closed_total", ["side": "clients", "code": "idle"]) { $0 == 2 }
            }
        }

        @Test("S15: 10,000 connections that are opened and abandoned leave nothing behind")
        func abandoned() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let steady = try gateway.client()
                for batch in 0..<20 {
                    let sockets = try (0..<500).map { _ in try Socket(port: gateway.port) }
                    for (index, socket) in sockets.enumerated() {
                        if index % 5 == 0 { try socket.write([0, 40, 0]) }
                        socket.cut()
                    }
                    #expect(try steady.exchange(Packet(100, from: 0, number: batch)).number == batch)
                }
                try gateway.eventuallyMetric("links_open", ["side": "clients"], within: .seconds(20)) { $0 == 1 }
                #expect(try steady.exchange(Packet(100, "alive")).text == "alive")
            }
        }

        @Test("S15: random bytes never end the gateway")
        func garbage() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                for _ in 0..<200 {
                    let client = try gateway.client()
                    try? client.socket.write((0..<Int.random(in: 1...3000)).map { _ in UInt8.random(in: 0...255) })
                    client.leave()
                }
                #expect(try gateway.client().exchange(Packet(100, "alive")).text == "alive")
                try gateway.eventuallyMetric("links_open", ["side": "clients"]) { $0 == 0 }
            }
        }

        @Test("S15: an upstream that sends a bad length is closed and dialed again, clients stay")
        func upstreamGarbage() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let client = try gateway.client()
                #expect(try client.exchange(Packet(100, "one")).text == "one")
                let connection = try upstream.connection()
                try connection.send(bytes: [0, 5, 0, 100] + Array(repeating: 0, count: 24))
                try eventually("the close and a new connection", within: .seconds(20)) { upstream.connections.count == 2 && !connection.isOpen }
                let reject = try upstream.controls(.reject, 1)[0]
                #expect(try reject.read(Reject.self).code == Code.protocol.rawValue)
                try gateway.eventuallyMetric("links_open", ["side": "route"], within: .seconds(20)) { $0 == 1 }
                try eventually("echo") { try client.exchange(Packet(100, "two")).text == "two" }
                try gateway.eventuallyMetric("links_closed_total", ["side": "route", "code": "protocol"]) { $0 == 1 }
            }
        }
    }
}
