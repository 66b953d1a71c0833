import Foundation
import Testing
import Wire

extension SystemTests {
    /// A service that neither works nor closes (rules S13, S19).
    @Suite struct FrozenServiceTests {
        /// What each client's packets took, sent one after the other for a while; nil for a client that waits in vain.
        private func latencies(_ clients: [PacketClient], for period: Duration) throws -> [[Duration]?] {
            let end = ContinuousClock.now + period
            let jobs = clients.map { client in
                InBackground { () -> [Duration]? in
                    var taken: [Duration] = []
                    while ContinuousClock.now < end {
                        let start = ContinuousClock.now
                        guard let answer = try? client.exchange(Packet(100, "x"), within: period * 2) else { return nil }
                        guard answer.text == "X" else { throw Unmet("\(answer.summary) where X was expected") }
                        taken.append(ContinuousClock.now - start)
                        pass(.milliseconds(2))
                    }
                    return taken
                }
            }
            return try jobs.map { try $0.value() }
        }

        private func p99(_ latencies: [[Duration]?]) -> Duration {
            let all = latencies.compactMap { $0 }.flatMap { $0 }.sorted()
            return all[all.count * 99 / 100]
        }

        @Test("S13: while one service is frozen, whose queue fills, the users of the others lose nothing and keep their p99")
        func frozen() throws {
            try withFleet(hubs: 1, services: 3, hubLines: ["heartbeat: 60s"]) { fleet in
                let frozen = fleet.services[1]
                let clients = try fleet.gateway.clients(24)
                frozen.signal(SIGSTOP)
                let found = try latencies(clients, for: .milliseconds(500))
                let its = zip(clients, found).filter { $1 == nil }.map(\.0)
                let others = zip(clients, found).filter { $1 != nil }.map(\.0)
                frozen.signal(SIGCONT)
                for client in its { #expect(try client.receive().text == "X") }
                try #require(!its.isEmpty && !others.isEmpty)

                // A busy machine can only add to what is measured, so one of three tries is enough.
                var tries: [(before: Duration, during: Duration)] = []
                for _ in 0..<3 where !tries.contains(where: { $0.during < $0.before + .milliseconds(10) }) {
                    let before = p99(try latencies(others, for: .seconds(1)))
                    frozen.signal(SIGSTOP)
                    let burst = [Packet](repeating: Packet(100, String(repeating: "x", count: 1000)), count: 2000)
                    for client in its { try client.send(burst, within: .seconds(20)) }
                    let during = try latencies(others, for: .seconds(1))
                    #expect(during.allSatisfy { $0 != nil })
                    tries.append((before, p99(during)))
                    frozen.signal(SIGCONT)
                    // All that waited is answered now, by the service or by the hub (busy).
                    for client in its { _ = try client.receive(burst.count, within: .seconds(20)) }
                }
                #expect(tries.contains { $0.during < $0.before + .milliseconds(10) }, "p99 before and during: \(tries)")
            }
        }
    }
}
