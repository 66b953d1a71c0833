import Foundation
import Testing
import Wire

extension SystemTests {
    /// Which server gets a call (rules S19, S20, S22).
    @Suite struct ProxyBalanceTests {
        private func echoes(_ count: Int) throws -> [EchoingUpstream] { try (0..<count).map { _ in EchoingUpstream(try Listener()) } }

        private func route(_ name: String, _ upstream: EchoingUpstream, weight: Int) -> String {
            "{ name: \(name), methods: [\"*\"], to: [\"127.0.0.1:\(upstream.listener.port)\"], pools: 1, connections: 1, inFlight: 100, weight: \(weight) }"
        }

        @Test("Routes with equal methods share calls by weight: a canary of 1 in 20 gets its part and no more")
        func canary() throws {
            let upstreams = try echoes(2)
            defer { for upstream in upstreams { upstream.stop() } }
            let proxy = try ProxyProcess(routes: [route("main", upstreams[0], weight: 19), route("canary", upstreams[1], weight: 1)])
            defer { proxy.end() }
            let client = try proxy.client()
            for _ in 0..<40 {
                for sequence in Int32(0)..<100 { try client.send(sequence) }
                for sequence in Int32(0)..<100 { #expect(try client.message().sequence == sequence) }
            }
            // 200 expected of 4,000; six standard deviations are 83.
            let canary = upstreams[1].answered
            #expect((117...283).contains(canary), "\(canary) of 4000")
            #expect(upstreams[0].answered == 4000 - canary)
            #expect(try proxy.metrics()["calls_total", ["route": "canary", "outcome": "ok"]] == Double(canary))
        }

        @Test("S19: leastInFlight passes over a server that is busy; random does not look", arguments: ["leastInFlight", "random"])
        func leastInFlight(balance: String) throws {
            let (slow, quick) = (try Listener(), EchoingUpstream(try Listener()))
            defer { quick.stop() }
            try withProxy(to: [slow, quick.listener], "inFlight: 1000, balance: \(balance)", proxy: ["ordered: false"]) { proxy in
                let stuck = try slow.peer()
                try proxy.eventuallyMetric("links_open", ["side": "upstream"]) { $0 == 2 }
                let client = try proxy.client()
                var sent: Int32 = 0
                while (try? stuck.next(within: .milliseconds(20))) == nil {
                    try client.send(sent)
                    sent += 1
                }
                try proxy.eventuallyMetric("calls_in_flight") { $0 == 1 }
                for _ in 1..<sent { _ = try client.message() }
                if balance == "leastInFlight" {
                    for sequence in Int32(1000)..<1050 {
                        try client.send(sequence)
                        #expect(try client.message().sequence == sequence, "it went to the quick one")
                    }
                } else {
                    for sequence in Int32(1000)..<1050 { try client.send(sequence) }
                    for _ in 0..<5 { _ = try stuck.message() }
                }
                stuck.socket.cut()
                try proxy.expectNothingPending()
            }
        }

        @Test("S19: hash: when a server goes, only its share moves; without an id the client's connection decides")
        func hashShares() throws {
            let upstreams = try echoes(4)
            defer { for upstream in upstreams { upstream.stop() } }
            try withProxy(to: upstreams.map(\.listener), "balance: hash") { proxy in
                try proxy.eventuallyMetric("links_open", ["side": "upstream"]) { $0 == 4 }
                let client = try proxy.client()
                func owner(_ body: [UInt8], _ client: ThriftPeer) throws -> Int {
                    let before = upstreams.map(\.answered)
                    try client.send(.call, "rpc", 1, body)
                    let answer = try client.message()
                    guard answer.type == .reply else { throw Unmet(answer.reason) }
                    return upstreams.indices.first { upstreams[$0].answered > before[$0] } ?? -1
                }
                func body(_ id: UInt8) -> [UInt8] { [12, 0, 1, 10, 0, 3, 0, 0, 0, 0, 0, 0, 0, id, 0, 0] }
                let ids = UInt8(1)...40
                let first = try ids.map { try owner(body($0), client) }
                #expect(Set(first).count == 4)
                // No id: each connection keeps to one server, and connections differ.
                let others = try (0..<12).map { _ in try proxy.client() }
                let owners = try others.map { other in
                    let owners = try (0..<5).map { _ in try owner([0], other) }
                    #expect(Set(owners).count == 1)
                    return owners[0]
                }
                #expect(Set(owners).count > 1)

                try upstreams[2].listener.down()
                upstreams[2].stop()
                try eventually("the third server is gone", within: .seconds(20)) {
                    try ids.allSatisfy { id in
                        try client.send(.call, "rpc", 1, body(id))
                        return try client.message().type == .reply
                    }
                }
                let second = try ids.map { try owner(body($0), client) }
                for (before, after) in zip(first, second) { #expect(before == 2 ? after != 2 : after == before) }
            }
        }

        @Test("S22: one call at a time: no connection ever has two, and the line is first come first served")
        func exclusive() throws {
            let upstream = try Listener()
            try withProxy(to: [upstream], "connections: 3", proxy: ["ordered: false"]) { proxy in
                let servers = try (0..<3).map { _ in try upstream.peer() }
                let client = try proxy.client()
                for sequence in Int32(0)..<9 { try client.send(.call, "m\(sequence)", sequence) }
                var next = 3
                var held = try servers.map { try $0.message() }
                #expect(Set(held.map(\.name)) == ["m0", "m1", "m2"])
                for server in servers { try server.expectNothing(for: .milliseconds(20)) }
                while next < 9 {
                    let turn = next % 3
                    try servers[turn].answer(held[turn])
                    #expect(try client.message().name == held[turn].name)
                    held[turn] = try servers[turn].message()
                    #expect(held[turn].name == "m\(next)")
                    next += 1
                }
                for turn in 0..<3 { try servers[turn].answer(held[turn]) }
                for _ in 0..<3 { _ = try client.message() }
                try proxy.expectNothingPending()
            }
        }
    }
}
