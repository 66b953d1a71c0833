import Testing
import Wire

extension SystemTests {
    /// What a client may say (protocol, section 2).
    @Suite struct ClientControlTests {
        /// Every control type that a client may not send, a few unknown ones among them.
        static let forbidden: [UInt16] =
            ControlType.allCases.filter { ![.ping, .pong, .reject].contains($0) }.map(\.rawValue) + [0xFF00, 0xFF0D, 0xFF80, 0xFFFF]

        @Test("Protocol 2: any other control type from a client closes it with unauthorized", arguments: ClientControlTests.forbidden)
        func closes(type: UInt16) throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let (one, other) = (try gateway.introduced(to: upstream), try gateway.introduced(to: upstream))
                try one.client.send(Packet(type, bytes: [0, 11], user: 5, es: 1, session: other.session), Packet(100, "after"))
                try one.client.expectReject(.unauthorized)
                one.client.leave()
                try other.client.send(Packet(100, "unharmed"))
                let texts = try upstream.packets(3).map(\.text)
                #expect(texts.last == "unharmed" && !texts.contains("after"))
                #expect(upstream.packets.last?.header.user == 0)
                try gateway.eventuallyMetric("links_closed_total", ["side": "clients", "code": "unauthorized"]) { $0 == 1 }
            }
        }

        @Test("Protocol 2: PING is answered with PONG, same header and bytes; more than 64 bytes are badRequest and the link stays")
        func ping() throws {
            try withGateway(Configuration()) { gateway in
                let client = try gateway.client()
                for count in [0, 1, 63, 64] {
                    let bytes = (0..<count).map { UInt8($0) }
                    let pong = try client.exchange(Packet(.ping, bytes: bytes, user: 1, token: 2, es: 3, session: 4))
                    #expect(pong.header == PacketHeader(bodyCount: count, type: 0xFF05, user: 1, token: 2, es: 3, session: 4))
                    #expect(pong.bytes == bytes)
                }
                for count in [65, 4000] {
                    try client.send(Packet(.ping, bytes: Array(repeating: 7, count: count)))
                    let notice = try client.expectUndelivered(.badRequest, of: ControlType.ping.rawValue)
                    #expect(notice.lost.length == 28 + count && notice.quote == Array(repeating: 7, count: 16))
                }
                try client.expectNothing()
            }
        }

        @Test("Protocol 2: a client's PONG is taken without an answer, and no control packet of it reaches an upstream")
        func pong() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let client = try gateway.client()
                try client.send(Packet(.pong, bytes: [1, 2, 3]), Packet(.ping), Packet(100, "end"))
                #expect(try client.receive().control == .pong)
                try client.expectNothing()
                _ = try upstream.packets(1)
                #expect(upstream.arrivals.map(\.packet.header.type) == [ControlType.sessionClosed.rawValue, 100])
            }
        }
    }
}
