import Testing
import Wire

extension SystemTests {
    /// Sessions: given by the gateway, never again used, not to be guessed (rule S9).
    @Suite struct SessionTests {
        @Test("S9: a session is never 0, and another one for each connection, over restarts too", arguments: [1, 4])
        func unique(loops: Int) throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            for run in 1...2 {
                try withGateway(Configuration(to: upstream, top: ["loops: \(loops)"])) { gateway in
                    for batch in 1...3 {
                        let clients = try (0..<50).map { _ in try gateway.client() }
                        for client in clients { try client.send(Packet(100)) }
                        _ = try upstream.packets((run - 1) * 150 + batch * 50)
                        for client in clients { client.leave() }
                    }
                }
            }
            let sessions = upstream.packets.map(\.header.session)
            #expect(sessions.count == 300)
            #expect(!sessions.contains(0))
            #expect(Set(sessions).count == 300)
        }

        @Test("S9: from some sessions the next cannot be told")
        func unpredictable() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, top: ["loops: 1"])) { gateway in
                for count in 1...100 {
                    let client = try gateway.client()
                    try client.send(Packet(100))
                    _ = try upstream.packets(count)
                    client.leave()
                }
            }
            let sessions = upstream.packets.map(\.header.session)
            let steps = zip(sessions, sessions.dropFirst()).map { $1 &- $0 }
            #expect(Set(steps).count == steps.count, "a step between neighbours repeats")
            let small = steps.filter { min($0, 0 &- $0) < 1 << 16 }
            #expect(small.isEmpty, "neighbours are near: \(small)")
        }

        @Test("S9: what a client writes into Es_id and Session is overwritten")
        func overwritten() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["esID: 4000000000"])) { gateway in
                let (honest, liar) = (try gateway.client(), try gateway.client())
                let own = try honest.exchange(Packet(100)).header.session
                let answer = try liar.exchange(Packet(100, "mine", es: 77, session: own))
                #expect(answer.text == "mine")
                #expect(answer.header.session != own && answer.header.session != 0)
                #expect(upstream.packets.allSatisfy { $0.header.es == 4_000_000_000 })
                try honest.expectNothing()
            }
        }

        @Test("S12: a later connection never gets what was meant for a session that is gone")
        func gone() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, top: ["loops: 1"])) { gateway in
                let old = try gateway.bound(to: upstream, user: 5, token: 6)
                old.client.leave()
                _ = try obtain("SESSION_CLOSED") { upstream.controls(.sessionClosed).first { $0.header.session == old.session } }
                // As many as it takes to get the old one's place.
                let others = try (0..<20).map { _ in try gateway.bound(to: upstream, user: 5, token: 6) }
                try upstream.send(Packet(123, "for the dead", user: 5, token: 6, es: 1, session: old.session))
                let notice = try upstream.controls(.undelivered, 1)[0]
                #expect(notice.header.session == old.session)
                #expect(try notice.read(Undelivered.self).code == Code.noPeer.rawValue)
                #expect(try notice.read(Undelivered.self).lost.type == 123)
                #expect(try notice.read(Undelivered.self).quote == Array("for the dead".utf8))
                for other in others { try other.client.expectNothing() }
                try gateway.eventuallyMetric("undelivered_total", ["code": "noPeer"]) { $0 == 1 }
            }
        }
    }
}
