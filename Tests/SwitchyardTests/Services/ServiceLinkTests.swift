import Routing
import Switchyard
import Synchronization
import Telemetry
import Testing
import Wire

/// A service behind hubs, over loopback, with a real hub between it and edges.
@Suite("Service link", .serialized)
struct ServiceLinkTests {
    private func withHub(_ body: (RunningHub) async throws -> Void) async throws {
        let hub = try await RunningHub.start()
        do {
            try await body(hub)
        } catch {
            await hub.end()
            throw error
        }
        await hub.end()
    }

    private func withHubs(_ body: (RunningHub, RunningHub) async throws -> Void) async throws {
        let hubs = [try await RunningHub.start(id: 1), try await RunningHub.start(id: 2)]
        do {
            try await body(hubs[0], hubs[1])
        } catch {
            for hub in hubs { await hub.end() }
            throw error
        }
        for hub in hubs { await hub.end() }
    }

    @Test("it registers the types that have a handler, and others when it is told to")
    func registers() async throws {
        try await withHub { hub in
            let edge = try await hub.edge(1)
            try await withService([hub]) { router in
                router.on(100...102) { packet, _ in packet }
                router.inline(7) { packet, _ in packet }
            } body: { service in
                try await eventually("both ranges") { edge.reachable == [7...7, 100...102] }
                service.register(TypeSet([101...101]))
                try await eventually("the one type") { edge.reachable == [101...101] }
                service.register(TypeSet([]))
                try await eventually("nothing") { edge.reachable.isEmpty }
            }
        }
    }

    @Test("replies go back to the edge and session that asked; what has no handler is answered noRoute; a refusal has its code")
    func replies() async throws {
        try await withHub { hub in
            let edges = [try await hub.edge(1), try await hub.edge(2)]
            try await withService([hub], settings: { $0.types = TypeSet([100...102]) }) { router in
                router.on(100) { packet, connection in Packet(type: 150, text: "\(packet.text) \(connection.es) \(connection.session)") }
                router.on(101) { _, _ in throw PacketRefusal(.busy, "too much") }
            } body: { _ in
                for (index, edge) in edges.enumerated() {
                    try await eventually("the service is listed") { edge.reachable == [100...102] }
                    let es = UInt32(index + 1)
                    edge.say(packet(100, "for", es: es, session: 7), packet(101, es: es, session: 8), packet(102, es: es, session: 9))
                }
                for (index, edge) in edges.enumerated() {
                    try await eventually("three answers") { edge.words.count == 3 }
                    let answer = edge.answers[0]
                    #expect(answer.type == 150 && answer.text == "for \(index + 1) 7" && answer.header.session == 7)
                    #expect(Set(edge.undelivered) == [Code.busy.rawValue, Code.noRoute.rawValue])
                }
            }
        }
    }

    @Test("S5: what a handler pushes, binds and kicks arrives in that order, before its reply")
    func says() async throws {
        try await withHub { hub in
            let edge = try await hub.edge(3)
            try await withService([hub]) { router in
                router.on(100) { _, connection in
                    connection.push(Packet(type: 150, text: "first"))
                    connection.bind(user: 77, token: 5)
                    connection.server.multicast(Packet(type: 151, text: "to many"), to: [connection])
                    connection.kick(.unauthorized, reason: "go")
                    return Packet(type: 100, text: "last")
                }
            } body: { _ in
                try await eventually("the service is listed") { edge.reachable == [100...100] }
                edge.say(packet(100, es: 3, session: 12))
                try await eventually("all of it") { edge.words.count == 5 }
                let words = edge.words
                #expect(words.map(\.type) == [150, 0xFF0A, 0xFF0B, 0xFF09, 100])
                #expect(words[1].header.user == 77 && words[1].header.token == 5)
                let many = try Multicast(body: words[2].body, format: .standard)
                #expect(many.sessions == [12] && many.inner.type == 151 && many.inner.text == "to many")
                let kick = try Kick(body: words[3].body, format: .standard)
                #expect(kick.code == Code.unauthorized.rawValue && kick.reason == "go")
                #expect([0, 1, 3, 4].allSatisfy { words[$0].header.session == 12 } && words.allSatisfy { $0.header.es == 3 })
            }
        }
    }

    @Test("pushes to a user and to everyone reach every edge, or the one that is named")
    func pushes() async throws {
        try await withHub { hub in
            let edges = [try await hub.edge(1), try await hub.edge(2)]
            try await withService([hub]) { router in
                router.on(100) { packet, _ in packet }
            } body: { service in
                for edge in edges { try await eventually("the service is listed") { edge.reachable == [100...100] } }
                // The service has PEERS once it has been asked something: the hub says PEERS before it.
                edges[1].say(packet(100, es: 2, session: 1))
                try await eventually("an answer") { edges[1].words.count == 1 }
                service.push(Packet(type: 150, text: "you"), toUser: 9)
                service.push(Packet(type: 150, text: "you there"), toUser: 9, es: 2)
                service.multicast(Packet(type: 151, text: "all"))
                try await eventually("the first edge") { edges[0].words.count == 2 }
                try await eventually("the second edge") { edges[1].words.count == 4 }
                #expect(edges[0].words.map(\.type) == [150, 0xFF0B])
                #expect(edges[1].words.map(\.type) == [100, 150, 150, 0xFF0B])
                #expect(
                    edges.allSatisfy { edge in edge.words.filter { $0.type == 150 }.allSatisfy { $0.header.user == 9 && $0.header.session == 0 } })
                #expect(try Multicast(body: edges[0].words[1].body, format: .standard).sessions.isEmpty)
            }
        }
    }

    @Test("S12: ends of sessions come behind their last packet; an edge that starts anew is told once")
    func ends() async throws {
        let journal = Mutex<[String]>([])
        try await withHub { hub in
            let edge = try await hub.edge(4)
            try await withService([hub]) { router in
                router.on(100) { packet, connection in
                    try await Task.sleep(for: .milliseconds(20))
                    journal.withLock { $0.append("packet of \(connection.session)") }
                    return packet
                }
                router.onClosed { connection, code in journal.withLock { $0.append("end of \(connection.session): \(code)") } }
                router.onEdgeReset { es in journal.withLock { $0.append("edge \(es) anew") } }
            } body: { _ in
                try await eventually("the service is listed") { edge.reachable == [100...100] }
                edge.say(packet(100, es: 4, session: 5), Packet(SessionClosed(.cancelled), es: 4, session: 5))
                try await eventually("two") { journal.withLock { $0.count } == 2 }
                edge.say(Packet(SessionClosed(.lost), es: 4))
                try await eventually("three") { journal.withLock { $0.count } == 3 }
                #expect(journal.withLock { $0 } == ["packet of 5", "end of 5: 8", "edge 4 anew"])
            }
        }
    }

    @Test("S30: with two hubs each session's answers take the hub that the choice gives; when one leaves, the other takes all")
    func twoHubs() async throws {
        try await withHubs { one, two in
            let edges = [try await one.edge(1), try await two.edge(1)]
            try await withService([one, two]) { router in
                router.on(100) { packet, _ in packet }
            } body: { service in
                for edge in edges { try await eventually("the service is listed") { edge.reachable == [100...100] } }
                let sessions = Array(UInt64(1)...100)
                for session in sessions { edges[Int(session % 2)].say(packet(100, es: 1, session: session)) }
                try await eventually("100 answers") { edges[0].answers.count + edges[1].answers.count == 100 }
                for session in sessions {
                    let owner = Choice.owner(of: Choice.slot(of: session), among: [1, 2])
                    #expect(edges.firstIndex { $0.answers.contains { $0.header.session == session } } == owner, "session \(session)")
                }
                #expect(edges.allSatisfy { $0.answers.count > 20 })

                await two.end()
                try await eventually("one hub is left") { edges[1].isClosed }
                let before = edges[0].answers.count
                for session in sessions { edges[0].say(packet(100, es: 1, session: session)) }
                try await eventually("100 more, over the hub that is left") { edges[0].answers.count == before + 100 }
                #expect(await service.status().links == 1)
            }
        }
    }

    @Test("S25: a service that leaves is not given more, answers what it has, and returns when that is done")
    func leaves() async throws {
        let calls = Atomic<Int>(0)
        try await withHub { hub in
            let edge = try await hub.edge(1)
            try await withService([hub]) { router in
                router.on(100) { packet, _ in
                    calls.wrappingAdd(1, ordering: .relaxed)
                    try await Task.sleep(for: .milliseconds(100))
                    return packet
                }
            } body: { service in
                try await eventually("the service is listed") { edge.reachable == [100...100] }
                edge.say((1...20).map { packet(100, "\($0)", session: UInt64($0)) })
                try await eventually("all are under way") { calls.load(ordering: .relaxed) == 20 }
                await service.drain(within: .seconds(20), atOnce: false)
                try await eventually("20 answers") { edge.answers.count == 20 }
                edge.say(packet(100, "late"))
                try await eventually("a refusal") { edge.undelivered.count == 1 }
                #expect(calls.load(ordering: .relaxed) == 20)
                #expect(await service.status().state == "stopped")
            }
        }
    }

    @Test("S25: when its time is over, handlers are cancelled, what waits is answered draining, and no handler is called after")
    func cut() async throws {
        let calls = Atomic<Int>(0)
        try await withHub { hub in
            let edge = try await hub.edge(1)
            try await withService([hub]) { router in
                router.on(100) { packet, _ in
                    calls.wrappingAdd(1, ordering: .relaxed)
                    try? await Task.sleep(for: .seconds(60))
                    return packet
                }
            } body: { service in
                try await eventually("the service is listed") { edge.reachable == [100...100] }
                edge.say((1...10).map { packet(100, "\($0)") })
                try await eventually("one is under way") { calls.load(ordering: .relaxed) == 1 && service.lanes.waiting == 10 }
                await service.drain(within: .milliseconds(300), atOnce: false)
                try await eventually("one answer, nine refusals") { edge.answers.count == 1 && edge.undelivered.count == 9 }
                #expect(edge.undelivered.allSatisfy { $0 == Code.draining.rawValue })
                #expect(calls.load(ordering: .relaxed) == 1)
            }
        }
    }
}
