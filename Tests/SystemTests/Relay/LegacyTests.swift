import Foundation
import Testing
import Wire

extension SystemTests {
    /// Old packet servers and old clients: two details of the header differ, and control packets are unknown to them.
    @Suite struct LegacyTests {
        static let old = WireFormat(byteOrder: .little, length: .body)

        @Test("Protocol 1: a legacy route speaks its own wire, the client keeps the standard one")
        func route() throws {
            let upstream = try UpstreamServer(.echo, format: LegacyTests.old)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, "legacy: true, wire: { byteOrder: little, length: body }")) { gateway in
                let client = try gateway.client()
                for count in [0, 1, 300, 65507] {
                    let answer = try client.exchange(Packet(100, from: 1, number: count, size: count))
                    #expect(answer.header.length == 28 + max(count, 8))
                    #expect(answer.header.type == 100 && answer.header.es == 1 && answer.header.session != 0)
                }
                #expect(upstream.packets.allSatisfy { $0.header.type == 100 && $0.header.es == 1 })
            }
        }

        @Test(
            "Protocol 1: clients with another wire are told in it, embedded headers too",
            arguments: WireFormat.ByteOrder.allCases, WireFormat.Length.allCases)
        func clients(order: WireFormat.ByteOrder, length: WireFormat.Length) throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            let wire = "wire: { byteOrder: \(order), length: \(length) }"
            try withGateway(Configuration(to: upstream, gateway: [wire])) { gateway in
                let client = try gateway.client(format: WireFormat(byteOrder: order, length: length))
                let answer = try client.exchange(Packet(100, "hello"))
                #expect(answer.text == "hello" && answer.header.type == 100 && answer.header.es == 1)
                try client.send(Packet(300, "lost"))
                let notice = try client.expectUndelivered(.noRoute, of: 300)
                #expect(notice.lost.length == 32 && notice.lost.es == 1)
                try client.expectNothing()
            }
        }

        @Test("Protocol 1: a body that only `length: body` can carry is answered tooLarge, and the next one passes")
        func tooLarge() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["wire: { byteOrder: little, length: body }"])) { gateway in
                let client = try gateway.client(format: LegacyTests.old)
                try client.send(Packet(100, bytes: Array(repeating: 1, count: 65508)))
                try client.expectUndelivered(.tooLarge, of: 100)
                #expect(try client.exchange(Packet(100, bytes: Array(repeating: 2, count: 65507))).bytes.count == 65507)
                #expect(upstream.packets.count == 1)
            }
        }

        @Test("S17: no control packet is ever sent on a legacy route: no SESSION_CLOSED, PING, UNDELIVERED or DRAIN")
        func noControl() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, "legacy: true", gateway: ["heartbeat: 200ms"])) { gateway in
                let client = try gateway.client()
                try client.send(Packet(100, "one"))
                let session = try upstream.packets(1)[0].header.session
                client.leave()
                try gateway.eventuallyMetric("links_open", ["side": "clients"]) { $0 == 0 }
                try upstream.send(Packet(100, "too late", session: session))
                try upstream.send(Packet(100, "to nobody"))
                let stays = try gateway.client()
                pass(.seconds(1))
                try stays.send(Packet(101, "two"))
                #expect(try upstream.packets(2).map(\.text) == ["one", "two"])
                gateway.signal(SIGTERM)
                #expect(try gateway.exitCode() == 0)
                #expect(upstream.arrivals.count == 2, "\(upstream.arrivals.map(\.packet.summary))")
                #expect(upstream.connections.count == 1)
            }
        }

        @Test(
            "Protocol 2: control packets from a legacy upstream are dropped, and the link stays",
            arguments: [UInt16(0xFF09), 0xFF0A, 0xFF0B, 0xFF04, 0xFFFF])
        func dropsControl(type: UInt16) throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, "legacy: true")) { gateway in
                let client = try gateway.client()
                try client.send(Packet(100, "one"))
                let session = try upstream.packets(1)[0].header.session
                try upstream.send(Packet(type, bytes: [0, 11], user: 5, token: 6, es: 1, session: session))
                try upstream.send(Packet(101, "still here", session: session))
                #expect(try client.receive().text == "still here")
                try client.send(Packet(100, "two"))
                let second = try upstream.packets(2)[1]
                #expect(second.header.user == 0 && second.text == "two")
                #expect(upstream.arrivals.count == 2)
            }
        }
    }
}
