import NIOCore
import Testing
import Wire

extension SystemTests {
    /// Edges and services find each other by id, whatever loop each is on.
    @Suite struct HubRoutingTests {
        @Test("A packet goes by cluster and type to a service, and by ES id back to its edge", arguments: [1, 2, 3])
        func roundTrip(loops: Int) throws {
            try withHub(top: ["loops: \(loops)", "drainTimeout: 3s"]) { hub in
                let edges = try (1...4).map { try hub.edge(UInt32($0)) }
                let service = try hub.service(9, 100...199)
                for (index, edge) in edges.enumerated() {
                    try edge.send(Packet(150, "hello", user: 5, es: UInt32(index + 1), session: 77))
                    let arrived = try service.word()
                    #expect(arrived.header == PacketHeader(length: 33, type: 150, user: 5, es: UInt32(index + 1), session: 77))
                    #expect(arrived.text == "hello")
                    try service.send(Packet(151, "welcome", user: 5, es: UInt32(index + 1), session: 77))
                    #expect(try edge.word(within: .seconds(10)).text == "welcome")
                }
            }
        }

        @Test("S4: what nobody serves is answered noRoute, and what addresses an edge that is absent noPeer")
        func absent() throws {
            try withHub { hub in
                let edge = try hub.edge(1)
                try edge.send(Packet(150, "x", es: 1, session: 7))
                try edge.expectUndelivered(.noRoute, of: 150)
                let service = try hub.service(9, 100...199)
                try service.send(Packet(150, "x", es: 2, session: 7))
                try service.expectUndelivered(.noPeer, of: 150)
                try hub.eventuallyMetric("undelivered_total", ["code": "noRoute", "role": "hub"]) { $0 == 1 }
                try hub.eventuallyMetric("undelivered_total", ["code": "noPeer", "role": "hub"]) { $0 == 1 }
            }
        }

        @Test("S19: users spread over instances by the choice function, and one that leaves moves its own users alone")
        func choice() throws {
            try withHub { hub in
                let edge = try hub.edge(1)
                let nodes: [UInt64] = [3, 5, 9]
                var services = try nodes.map { try hub.service($0, 100...199) }
                func serve(_ user: UInt64) throws -> Int {
                    try edge.send(Packet(150, "x", user: user, es: 1, session: 7))
                    return try obtain("user \(user) at a service") {
                        for (index, service) in services.enumerated() {
                            if case .bytes = service.socket.read(within: .milliseconds(2)) { return index }
                        }
                        return nil
                    }
                }
                for user in 1...40 as ClosedRange<UInt64> { #expect(try serve(user) == expectedOwner(user, nodes)) }
                services[1].leave()
                services.remove(at: 1)
                try hub.eventuallyMetric("registrations") { $0 == 3 }
                for user in 1...40 as ClosedRange<UInt64> { #expect(try serve(user) == expectedOwner(user, [3, 9])) }
            }
        }

        /// Written from protocol section 4, not with the code under test.
        private func expectedOwner(_ key: UInt64, _ nodes: [UInt64]) -> Int {
            func mix(_ value: UInt64) -> UInt64 {
                var x = value
                x ^= x >> 30
                x &*= 0xBF58_476D_1CE4_E5B9
                x ^= x >> 27
                x &*= 0x94D0_49BB_1331_11EB
                return x ^ (x >> 31)
            }
            let slot = mix(key) >> 52
            return nodes.indices.max { mix(mix(nodes[$0]) &+ slot) < mix(mix(nodes[$1]) &+ slot) } ?? 0
        }

        @Test("Cluster 0 serves every cluster that has no service of its own for the type")
        func clusterZero() throws {
            try withHub { hub in
                let common = try hub.service(1, 100...199, cluster: 0)
                let own = try hub.service(2, 150...159, cluster: 4)
                let edge = try hub.edge(1, cluster: 4)
                try edge.send(Packet(149, "common", es: 1, session: 7), Packet(150, "own", es: 1, session: 7))
                #expect(try common.word(within: .seconds(5)).text == "common")
                #expect(try own.word(within: .seconds(5)).text == "own")
                own.leave()
                try hub.eventuallyMetric("registrations") { $0 == 2 }
                try edge.send(Packet(150, "fallback", es: 1, session: 7))
                #expect(try common.word(within: .seconds(5)).text == "fallback")
            }
        }

        @Test("A later HELLO replaces the claims while packets flow")
        func liveClaims() throws {
            try withHub { hub in
                let edge = try hub.edge(1)
                let service = try hub.service(9, 100...199)
                try service.send(Packet(Hello(role: .service, cluster: 1, node: 9, claims: [Claim(300, 300)])))
                _ = try service.word(within: .seconds(5)).read(Welcome.self)
                try edge.send(Packet(150, "old", es: 1, session: 7), Packet(300, "new", es: 1, session: 7))
                #expect(try service.word(within: .seconds(5)).text == "new")
                try edge.awaitPeers { $0 == .ranges([Claim(300, 300)]) }
            }
        }

        @Test("PEERS tells an edge the types that are served, and a service the edges of its cluster")
        func peers() throws {
            try withHub { hub in
                let edge = try hub.edge(1)
                let service = try hub.service(9, 100...199, 201...201)
                try edge.awaitPeers { $0 == .ranges([Claim(100, 199), Claim(201, 201)]) }
                let others = [try hub.edge(5), try hub.edge(6, cluster: 2)]
                try service.awaitPeers { $0 == .ranges([Claim(1, 1), Claim(5, 5)]) }
                for other in others { other.leave() }
                service.leave()
                try edge.awaitPeers { $0 == .ranges([]) }
            }
        }

        @Test("MULTICAST and pushes reach one edge, or every edge of the cluster")
        func everyEdge() throws {
            try withHub { hub in
                let edges = try (1...3).map { try hub.edge(UInt32($0)) }
                let foreign = try hub.edge(9, cluster: 2)
                let service = try hub.service(9, 100...199)
                let all = Multicast(sessions: [], inner: Packet(120, "all"))
                try service.send(Packet(120, "push", user: 8, es: 0xFFFF_FFFF), Packet(all, es: 0xFFFF_FFFF), Packet(120, "one", user: 8, es: 2))
                for (index, edge) in edges.enumerated() {
                    #expect(try edge.word(within: .seconds(5)).text == "push")
                    #expect(try edge.word(within: .seconds(5)).read(Multicast.self) == all)
                    if index == 1 { #expect(try edge.word(within: .seconds(5)).text == "one") }
                }
                let named = Packet(Multicast(sessions: [4], inner: Packet(120, "x")), es: 0xFFFF_FFFF)
                try service.send(named, Packet(120, "nobody", es: 1), Packet(.kick, bytes: [1], es: 1, session: 4))
                for _ in 0..<3 { try undelivered(service, .badRequest) }
                try foreign.send(Packet(.ping, bytes: [1]))
                #expect(try foreign.word(within: .seconds(5)).control == .pong)
            }
        }

        @Test("S12: SESSION_CLOSED reaches the services that asked, of the cluster and of cluster 0")
        func sessionClosed() throws {
            try withHub { hub in
                let asked = try hub.service(1, 100...199, flags: .sessionClosed)
                let common = try hub.service(2, 100...199, cluster: 0, flags: .sessionClosed)
                let silent = try hub.service(3, 100...199)
                let edge = try hub.edge(1)
                try edge.send(Packet(SessionClosed(.cancelled), user: 5, es: 1, session: 7))
                for service in [asked, common] { #expect(try service.word(within: .seconds(5)).header.session == 7) }
                try silent.send(Packet(.ping, bytes: [1]))
                #expect(try silent.word(within: .seconds(5)).control == .pong)
            }
        }

        @Test("S1: a service's UNDELIVERED reaches the edge that its header names")
        func undeliveredBack() throws {
            try withHub { hub in
                let edge = try hub.edge(1)
                let service = try hub.service(9, 100...199)
                let lost = PacketHeader(length: 28, type: 150, es: 1, session: 7)
                let notice = Undelivered(code: Code.busy.rawValue, lost: lost, quote: [], reason: "lane full")
                try service.send(Packet(notice, es: 1, session: 7))
                #expect(try edge.word(within: .seconds(5)).read(Undelivered.self) == notice)
            }
        }

        @Test("DRAIN of a service is answered when nothing new follows; its users go elsewhere, and its types leave PEERS")
        func serviceDrains() throws {
            try withHub { hub in
                let edge = try hub.edge(1)
                let service = try hub.service(9, 100...199)
                try edge.awaitPeers { $0 == .ranges([Claim(100, 199)]) }
                try service.send(Packet(Drain(deadlineMilliseconds: 1000)))
                #expect(try service.word(within: .seconds(5)).read(Drain.self).deadlineMilliseconds == 0)
                try edge.send(Packet(150, "late", es: 1, session: 7))
                try undelivered(edge, .draining)
                try service.send(Packet(Hello(role: .service, cluster: 1, node: 9, claims: [Claim(100, 199)])))
                _ = try service.word(within: .seconds(5)).read(Welcome.self)
                try edge.send(Packet(150, "again", es: 1, session: 7))
                #expect(try service.word(within: .seconds(5)).text == "again")
            }
        }
    }
}

/// The next packet but PEERS is UNDELIVERED with that code.
func undelivered(_ link: PacketClient, _ code: Code, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let notice = try link.word(within: .seconds(10)).read(Undelivered.self)
    #expect(Code.name(of: notice.code) == code.name, sourceLocation: sourceLocation)
}
