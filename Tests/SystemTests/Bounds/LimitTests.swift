import Foundation
import Testing
import Wire

extension SystemTests {
    /// Limits on clients (rule S16).
    @Suite struct LimitTests {
        @Test("S16: beyond `connections` a client gets REJECT rateLimited; a place that becomes free is given again")
        func connections() throws {
            try withGateway(Configuration(gateway: ["limits: { connections: 3 }"])) { gateway in
                let clients = try gateway.clients(3)
                for _ in 0..<3 {
                    let refused = try gateway.client()
                    #expect(try refused.expectReject(.rateLimited).reason == "rateLimited")
                }
                for client in clients { try client.expectNothing() }
                clients[0].leave()
                try gateway.eventuallyMetric("links_open", ["side": "clients"]) { $0 == 2 }
                let next = try gateway.clients(1)
                try gateway.client().expectReject(.rateLimited)
                try next[0].expectNothing()
            }
        }

        @Test("A gateway that has no descriptors left serves those it has, and takes who waits when others leave")
        func descriptors() throws {
            let command = ["/bin/sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"]
            try withGateway(Configuration(gateway: ["limits: { connections: 1000 }"]), command: command) { gateway in
                let clients = try (0..<80).map { _ in try gateway.client() }
                for client in clients { try client.send(Packet(.ping)) }
                let open = "/proc/\(gateway.child.pid)/fd"
                try eventually("all are in use") { try FileManager.default.contentsOfDirectory(atPath: open).count >= 64 }
                for client in clients[..<20] { #expect(try client.receive().control == .pong) }
                for client in clients[..<60] { client.leave() }
                for client in clients[60...] { #expect(try client.receive().control == .pong) }
            }
        }

        @Test("S16: refused clients that stay take no place from others")
        func refusedStay() throws {
            try withGateway(Configuration(gateway: ["limits: { connections: 2 }"])) { gateway in
                let clients = try gateway.clients(2)
                let refused = try (0..<20).map { _ in try gateway.client() }
                for client in refused { #expect(try client.receive().control == .reject) }
                clients[0].leave()
                try eventually("the free place is given", within: .milliseconds(600)) {
                    try gateway.client().exchange(Packet(.ping)).control == .pong
                }
                try clients[1].expectNothing()
                withExtendedLifetime(refused) {}
            }
        }

        @Test("S16: `perAddress` counts each address for itself")
        func perAddress() throws {
            try withGateway(Configuration(gateway: ["limits: { perAddress: 2 }"])) { gateway in
                let clients = try gateway.clients(2)
                try gateway.client().expectReject(.rateLimited)
                let elsewhere = try gateway.client(source: "127.0.0.2")
                try elsewhere.expectNothing()
                clients[0].leave()
                try gateway.eventuallyMetric("links_open", ["side": "clients"]) { $0 == 2 }
                let next = try gateway.clients(1)
                for client in [clients[1], elsewhere, next[0]] { try client.expectNothing() }
            }
        }

        @Test("S16: packets over packetsPerSecond are answered rateLimited, PING counts, and the link stays")
        func packetsPerSecond() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["limits: { packetsPerSecond: 40 }"])) { gateway in
                let client = try gateway.client()
                try client.send((0..<10).map { _ in Packet(.ping) })
                for _ in 0..<10 { #expect(try client.receive().control == .pong) }
                let ledger = try burst(client, count: 200, size: 8)
                // A second's worth, less the PINGs, and a little that came in while the burst was on its way.
                #expect(ledger.echoed.count >= 30 && ledger.echoed.count <= 45, "\(ledger.echoed.count)")
                #expect(ledger.codes == ["rateLimited"])
                #expect(Array(ledger.echoed.prefix(30)) == Array(0..<30))
                ledger.expectSingleOutcomes()
                // Refused packets took nothing: after a second a full second's worth is there again.
                pass(.milliseconds(1100))
                let again = try burst(client, count: 60, size: 8)
                #expect(again.echoed.count >= 40 && again.echoed.count <= 55, "\(again.echoed.count)")
                let refused = 260 - ledger.echoed.count - again.echoed.count
                try gateway.eventuallyMetric("undelivered_total", ["code": "rateLimited"]) { $0 == Double(refused) }
                let other = try gateway.client()
                #expect(try other.exchange(Packet(100, "mine")).text == "mine", "another client's bucket is full")
            }
        }

        @Test("S16: bytes over bytesPerSecond are answered rateLimited; a smaller packet still fits, and the link stays")
        func bytesPerSecond() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["limits: { bytesPerSecond: 64KiB }"])) { gateway in
                let client = try gateway.client()
                // 20 of 3,072 bytes leave 4,096 of 65,536.
                let ledger = try burst(client, count: 20, size: 3072 - 28)
                #expect(ledger.echoed.count == 20)
                try client.send(Packet(100, from: 0, number: 20, size: 60_000), Packet(100, from: 0, number: 21, size: 1000))
                let answers = try client.receive(2)
                let refused = try #require(answers.first { $0.control == .undelivered }).read(Undelivered.self)
                #expect(refused.code == Code.rateLimited.rawValue && refused.number == 20)
                #expect(answers.contains { $0.control == nil && $0.number == 21 }, "a refused packet takes nothing")
                pass(.milliseconds(1100))
                #expect(try client.exchange(Packet(100, from: 0, number: 22, size: 60_000)).number == 22)
            }
        }

        @Test("S16: with tellClients: false a flood is dropped in silence and counted")
        func silent() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["tellClients: false", "limits: { packetsPerSecond: 20 }"])) { gateway in
                let client = try gateway.client()
                try client.send((0..<100).map { Packet(100, from: 0, number: $0) })
                let dropped = try gateway.eventuallyMetric("undelivered_total", ["code": "rateLimited"]) { $0 >= 70 }
                #expect(try client.receive(100 - Int(dropped)).allSatisfy { $0.control == nil })
            }
        }

        /// Sends that many at once and takes as many answers.
        private func burst(_ client: PacketClient, count: Int, size: Int) throws -> Ledger {
            var ledger = Ledger(sent: count)
            try client.send((0..<count).map { Packet(100, from: 0, number: $0, size: size) })
            for _ in 0..<count {
                guard try ledger.take(from: client, within: .seconds(5)) else { throw Unmet("an answer to every packet") }
            }
            return ledger
        }
    }
}
