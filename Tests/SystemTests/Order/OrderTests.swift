import Foundation
import Testing
import Wire

extension SystemTests {
    /// Order (rule S5): per session and instance, under load, over any number of loops.
    @Suite struct OrderTests {
        @Test("S5, S6: under load every session keeps its order and its connection, and the connection is the choice", arguments: [1, 4])
        func underLoad(loops: Int) throws {
            let upstreams = try (0..<3).map { _ in try UpstreamServer(.echo) }
            defer { for upstream in upstreams { upstream.stop() } }
            let route = Configuration.route("many", "100-199", upstreams[0], upstreams[1], upstreams[2], more: "connections: 2")
            try withGateway(Configuration(routes: [route], top: ["loops: \(loops)"])) { gateway in
                let clients = try gateway.clients(24)
                let counts = clients.indices.map { sender in
                    InBackground { try converse(clients[sender], sender: sender, numbers: 0..<400) }
                }
                for count in counts { #expect(try count.value() == 400) }
                try expectOrder(at: upstreams, senders: 24, packetsOfEach: 400)
                try expectChoice(at: upstreams, connections: 2)
            }
        }

        @Test("S5: upstreams that reconnect in between violate no session's order", arguments: [1, 4])
        func reconnects(loops: Int) throws {
            let upstreams = try (0..<3).map { _ in try UpstreamServer(.echo) }
            defer { for upstream in upstreams { upstream.stop() } }
            let route = Configuration.route("many", "100-199", upstreams[0], upstreams[1], upstreams[2])
            try withGateway(Configuration(routes: [route], top: ["loops: \(loops)"])) { gateway in
                let clients = try gateway.clients(16)
                for phase in 0..<6 {
                    let numbers = phase * 70..<phase * 70 + 70
                    let counts = clients.indices.map { sender in
                        InBackground { try converse(clients[sender], sender: sender, numbers: numbers) }
                    }
                    for count in counts { #expect(try count.value() == 70) }
                    // Order is promised only while nobody joins or leaves, so each change is over before the next phase begins.
                    let changing = upstreams[phase / 2]
                    if phase % 2 == 0 {
                        try changing.goDown()
                        try ExpectedChoice.settle(clients, among: upstreams.filter { $0 !== changing })
                    } else {
                        changing.goUp()
                        try ExpectedChoice.settle(clients, among: upstreams)
                    }
                }
                try expectOrder(at: upstreams, senders: 16, packetsOfEach: 420)
            }
        }

        @Test("S2, S5: upstreams cut under load: every packet has at most one outcome, and answers come in order", arguments: [1, 4])
        func chaos(loops: Int) throws {
            let upstreams = try (0..<3).map { _ in try UpstreamServer(.echo) }
            defer { for upstream in upstreams { upstream.stop() } }
            let route = Configuration.route("many", "100-199", upstreams[0], upstreams[1], upstreams[2])
            try withGateway(Configuration(routes: [route], top: ["loops: \(loops)"])) { gateway in
                let clients = try gateway.clients(12)
                let ledgers = clients.indices.map { sender in
                    InBackground { try Ledger.recorded(clients[sender], sender: sender, for: .seconds(3)) }
                }
                for round in 0..<5 {
                    pass(.milliseconds(450))
                    try upstreams[round % 3].goDown()
                    pass(.milliseconds(50))
                    upstreams[round % 3].goUp()
                }
                var echoed = 0
                for ledger in ledgers {
                    let ledger = try ledger.value()
                    ledger.expectSingleOutcomes()
                    echoed += ledger.echoed.count
                }
                #expect(echoed > 1000)
            }
        }

        /// Sends packets of random sizes and reads their echoes, which must come in order; gives their number.
        private func converse(_ client: PacketClient, sender: Int, numbers: Range<Int>) throws -> Int {
            var answered = 0
            for start in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 50) {
                let batch = (start..<min(start + 50, numbers.upperBound)).map { number in
                    Packet(UInt16.random(in: 100...198), from: sender, number: number, size: .random(in: 8...Int.random(in: 9...3000)))
                }
                try client.send(batch)
                for packet in batch {
                    let answer = try client.receive(within: .seconds(20))
                    guard answer.body == packet.body else {
                        throw Unmet("sender \(sender): number \(packet.number) expected, got \(answer.number), \(answer.summary)")
                    }
                    answered += 1
                }
            }
            return answered
        }

        /// Each connection has every session's packets in the order sent, nothing twice, and together everything.
        private func expectOrder(at upstreams: [UpstreamServer], senders: Int, packetsOfEach count: Int) throws {
            var seen = Array(repeating: 0, count: senders)
            for upstream in upstreams {
                var last: [Int: Int] = [:]
                for packet in upstream.packets where packet.header.type != ExpectedChoice.probe {
                    #expect(packet.number > last[packet.sender] ?? -1, "sender \(packet.sender)")
                    last[packet.sender] = packet.number
                    seen[packet.sender] += 1
                }
            }
            #expect(seen == Array(repeating: count, count: senders))
        }

        /// Each session used one connection, that of its choice; which accepted connection is which index is found out on the way.
        private func expectChoice(at upstreams: [UpstreamServer], connections: Int) throws {
            let names = upstreams.flatMap { upstream in (0..<connections).map { "\(upstream.address)#\($0)" } }
            var used: [UInt64: Set<String>] = [:]
            for upstream in upstreams {
                for arrival in upstream.arrivals where !arrival.packet.header.isControl {
                    used[arrival.packet.header.session, default: []].insert("\(upstream.address) \(arrival.connection)")
                }
            }
            var found: [String: String] = [:]
            for (session, places) in used {
                #expect(places.count == 1, "session \(session) used \(places)")
                guard let place = places.first, let name = ExpectedChoice.owner(of: session, among: names) else { continue }
                #expect(found[name, default: place] == place, "\(name) is \(place) and \(found[name] ?? "")")
                #expect(place.hasPrefix(name.prefix { $0 != "#" }), "the choice is \(name), used was \(place)")
                found[name] = place
            }
            #expect(Set(found.values).count == found.count)
        }
    }
}
