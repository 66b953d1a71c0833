import Testing
import Wire

extension SystemTests {
    /// Which upstream a type goes to, and what its sender hears when there is none.
    @Suite struct RouteTests {
        @Test("Config: types go to the route that names them, the others to the default route")
        func byType() throws {
            let (chat, game, rest) = (try UpstreamServer(.echo), try UpstreamServer(.echo), try UpstreamServer(.echo))
            defer { for upstream in [chat, game, rest] { upstream.stop() } }
            let routes = [
                Configuration.route("chat", "7, 100-199", chat), Configuration.route("game", "200-299", game),
                Configuration.route("rest", "1000", rest),
            ]
            try withGateway(Configuration(routes: routes, gateway: ["default: rest"])) { gateway in
                let client = try gateway.client()
                let types: [UInt16] = [7, 100, 199, 200, 299, 1000, 0, 8, 99, 300, 0xFEFF]
                for type in types { try client.send(Packet(type)) }
                let answers = try client.receive(types.count)
                #expect(Set(answers.map(\.header.type)) == Set(types))
                #expect(chat.packets.map(\.header.type) == [7, 100, 199])
                #expect(game.packets.map(\.header.type) == [200, 299])
                #expect(rest.packets.map(\.header.type) == [1000, 0, 8, 99, 300, 0xFEFF])
            }
        }

        @Test("S1: a type without a route is answered noRoute, with the lost packet's header and first bytes")
        func noRoute() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["esID: 9"])) { gateway in
                let client = try gateway.client()
                let answer = try client.exchange(Packet(200, "0123456789abcdefghij"))
                let notice = try answer.read(Undelivered.self)
                #expect(notice.code == Code.noRoute.rawValue)
                #expect(notice.reason == "noRoute")
                #expect(notice.lost.type == 200 && notice.lost.length == 48)
                #expect(notice.quote == Array("0123456789abcdef".utf8))
                #expect(answer.header.es == 9 && answer.header.session != 0)
                #expect(answer.header.user == 0 && answer.header.token == 0)

                let short = try client.exchange(Packet(99, "abc")).read(Undelivered.self)
                #expect(short.quote == Array("abc".utf8) && short.lost.length == 31)
                #expect(try client.exchange(Packet(100, "the link stays")).text == "the link stays")
                try gateway.eventuallyMetric("undelivered_total", ["role": "gateway", "code": "noRoute"]) { $0 == 2 }
            }
        }

        @Test("S1: an upstream that is not there is answered noPeer, and the other routes work")
        func noPeer() throws {
            let (dead, alive) = (try UpstreamServer(.echo, up: false), try UpstreamServer(.echo))
            defer { for upstream in [dead, alive] { upstream.stop() } }
            let routes = [Configuration.route("dead", "1-9", dead), Configuration.route("alive", "10-19", alive)]
            try withGateway(Configuration(routes: routes)) { gateway in
                let client = try gateway.client()
                try client.send(Packet(1, "lost"))
                try client.expectUndelivered(.noPeer, of: 1)
                #expect(try client.exchange(Packet(10, "found")).text == "found")
                try gateway.eventuallyMetric("undelivered_total", ["route": "dead", "code": "noPeer"]) { $0 == 1 }
            }
        }

        @Test("S30: a hub route without a hub answers noPeer")
        func hubRoute() throws {
            let hub = try Listener(up: false)
            let routes = ["{ name: game, types: [1000-4095], hubs: true }"]
            try withGateway(Configuration(routes: routes, gateway: ["hubs: { to: [127.0.0.1:\(hub.port)] }", "default: hubs"])) { gateway in
                let client = try gateway.client()
                for type: UInt16 in [1000, 4095, 1] {
                    try client.send(Packet(type, "x"))
                    try client.expectUndelivered(.noPeer, of: type)
                }
            }
            withExtendedLifetime(hub) {}
        }

        @Test("S4: noRoute and noPeer come in under a millisecond", arguments: [UInt16(1), 500])
        func failsFast(type: UInt16) throws {
            let dead = try UpstreamServer(.echo, up: false)
            defer { dead.stop() }
            try withGateway(Configuration(routes: [Configuration.route("dead", "1-9", dead)])) { gateway in
                let client = try gateway.client()
                var times: [Duration] = []
                for _ in 0..<100 {
                    let begin = ContinuousClock.now
                    try client.send(Packet(type))
                    try client.expectUndelivered(type == 500 ? .noRoute : .noPeer)
                    times.append(.now - begin)
                }
                // The fastest quarter: what is left out is the machine's other work, not the gateway's.
                #expect(times.sorted()[25] < .milliseconds(1))
            }
        }

        @Test("Config: with tellClients: false clients hear no UNDELIVERED, and PONG still answers PING")
        func silence() throws {
            try withGateway(Configuration(gateway: ["tellClients: false"])) { gateway in
                let client = try gateway.client()
                try client.send(Packet(100, "nobody"))
                try client.expectNothing()
                try gateway.eventuallyMetric("undelivered_total", ["code": "noRoute"]) { $0 == 1 }
                try client.send(Packet(.kick, bytes: [0, 1]))
                try client.expectClose()
            }
        }
    }
}
