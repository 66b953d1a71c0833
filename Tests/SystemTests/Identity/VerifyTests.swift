import Testing
import Wire

extension SystemTests {
    /// What happens to clients that lie about who they are: `verify` (rule S9).
    @Suite struct VerifyTests {
        /// Pairs that are neither the bound one (5, 6) nor 0 for both.
        static let lies: [(user: UInt64, token: UInt32)] = [(5, 7), (9, 6), (5, 0), (0, 6), (1 << 63 | 5, 6)]

        @Test("S9: strict closes a bound client that claims another pair, and counts it", arguments: ["strict", "pass"], VerifyTests.lies)
        func strict(verify: String, lie: (user: UInt64, token: UInt32)) throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["verify: \(verify)"])) { gateway in
                let one = try gateway.bound(to: upstream, user: 5, token: 6)
                try one.client.send(Packet(100, "true"), Packet(100, "lie", user: lie.user, token: lie.token), Packet(100, "after"))
                try one.client.expectReject(.unauthorized)
                one.client.leave()
                let closed = try obtain("SESSION_CLOSED") { upstream.controls(.sessionClosed).first { $0.header.session == one.session } }
                #expect(closed.header.user == 5)
                #expect(upstream.packets.dropFirst().map(\.text) == ["true"])
                try gateway.eventuallyMetric("security_events_total", ["role": "gateway", "kind": "identity"]) { $0 == 1 }
                try gateway.eventuallyMetric("links_closed_total", ["side": "clients", "code": "unauthorized"]) { $0 == 1 }
            }
        }

        @Test("S9: stamp overwrites the pair and keeps the client", arguments: VerifyTests.lies)
        func stamp(lie: (user: UInt64, token: UInt32)) throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["verify: stamp"])) { gateway in
                let one = try gateway.bound(to: upstream, user: 5, token: 6)
                try one.client.send(Packet(100, "lie", user: lie.user, token: lie.token), Packet(100, "after"))
                let packets = try upstream.packets(3).dropFirst()
                #expect(packets.map(\.text) == ["lie", "after"])
                #expect(packets.allSatisfy { $0.header.user == 5 && $0.header.token == 6 })
                try one.client.expectNothing()
            }
        }

        @Test("S9: pass hands an unbound client's pair to legacy routes, and 0 to others, with a warning about those")
        func pass() throws {
            let (old, new) = (try UpstreamServer(.echo), try UpstreamServer(.record))
            defer { for upstream in [old, new] { upstream.stop() } }
            let routes = [Configuration.route("old", "200-299", old, more: "legacy: true"), Configuration.route("new", "100-199", new)]
            try withGateway(Configuration(routes: routes, gateway: ["verify: pass"])) { gateway in
                try gateway.logLine("warn", "new")
                let client = try gateway.client()
                let echoed = try client.exchange(Packet(200, "old", user: 99, token: 98, es: 5, session: 5))
                #expect(echoed.header.user == 99 && echoed.header.token == 98)
                #expect(echoed.header.es == 1 && echoed.header.session != 5)
                try client.send(Packet(100, "new", user: 99, token: 98))
                let packet = try new.packets(1)[0]
                #expect(packet.header.user == 0 && packet.header.token == 0)

                // Bound over the new route, the old one is verified like it.
                try new.send(Packet(Bind(), user: 5, token: 6, session: packet.header.session), Packet(101, "bound", session: packet.header.session))
                #expect(try client.receive().text == "bound")
                let filled = try client.exchange(Packet(200, "filled"))
                #expect(filled.header.user == 5 && filled.header.token == 6)
                try client.send(Packet(200, "lie", user: 99, token: 98))
                try client.expectReject(.unauthorized)
                #expect(old.packets.map(\.text) == ["old", "filled"])
            }
        }
    }
}
