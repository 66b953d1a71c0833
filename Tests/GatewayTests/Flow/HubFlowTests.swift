import Links
import NIOCore
import NIOPosix
import Routing
import Telemetry
import Testing
import Wire

@testable import Gateway

/// A gateway whose packets go over hubs.
@Suite("Gateway over hubs", .timeLimit(.minutes(3)))
struct HubFlowTests {
    /// Runs a gateway of which every type goes over hubs.
    private func run(
        loops: Int = 2, hubs ids: [UInt64] = [1, 2], lists: Peers = .everything, change: @escaping (inout GatewaySettings) -> Void = { _ in },
        _ body: (RunningGateway, [TestHub]) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var hubs: [TestHub] = []
        for id in ids { hubs.append(try await TestHub.start(id: id, group: group, lists: lists)) }
        let to = hubs.map { Endpoint.host("127.0.0.1", port: $0.port) }
        let result: Result<Void, any Error>
        do {
            try await RunningGateway.run(loops: loops, servers: 0) { settings in
                settings.routes = []
                settings.defaultRoute = .hubs
                settings.hubs = .init(to: to, token: Array("secret".utf8), name: "edge-9")
                change(&settings)
            } _: { gateway in
                try await body(gateway, hubs)
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        for hub in hubs { await hub.stop() }
        try await group.shutdownGracefully()
        try result.get()
    }

    private func code(_ packet: Packet) throws -> UInt16 { try Undelivered(body: packet.body, format: .standard).code }

    @Test("HELLO says edge, cluster, ES id, token and name")
    func hello() async throws {
        try await run(hubs: [1]) { _, hubs in
            let hello = try Hello(body: try #require(hubs[0].heard(.hello).first).body, format: .standard)
            #expect(hello == Hello(role: .edge, cluster: 1, node: UInt64(RunningGateway.es), token: Array("secret".utf8), name: "edge-9"))
        }
    }

    @Test("S30, S5: each session's packets go over the hub of its choice, in order, and come back to it", arguments: [1, 2])
    func choice(loops: Int) async throws {
        try await run(loops: loops, hubs: [11, 12, 13]) { gateway, hubs in
            let clients = try await gateway.clients(12)
            for number in 0..<50 {
                for client in clients { client.peer.say([Packet(type: 7, body: ByteBuffer(integer: UInt32(number)))]) }
            }
            for client in clients {
                try await until("all answers") { client.peer.heard.count == 51 }
                #expect(
                    client.peer.heard.dropFirst().map { $0.body.getInteger(at: $0.body.readerIndex, as: UInt32.self) } == (0..<50).map { UInt32($0) })
                let owner = Choice.owner(of: Choice.slot(of: client.session), among: [11, 12, 13])
                for (index, hub) in hubs.enumerated() {
                    #expect(hub.packets.count { $0.header.session == client.session } == (index == owner ? 51 : 0))
                }
            }
            #expect(hubs.flatMap(\.packets).allSatisfy { $0.header.es == RunningGateway.es })
        }
    }

    @Test("S30: no hub up: noPeer; only draining ones: draining; hubs up and none lists the type: noRoute")
    func outcomes() async throws {
        try await run(hubs: [1], lists: .ranges([Claim(1, 9)])) { gateway, hubs in
            let (client, _) = try await gateway.clients(1)[0]
            client.say([Packet(type: 10)])
            try await until("noRoute") { client.heard.count == 2 }
            #expect(try code(client.heard[1]) == Code.noRoute.rawValue)
            hubs[0].say(Packet(Drain(deadlineMilliseconds: 30_000)))
            try await until("the answer to DRAIN") { !hubs[0].heard(.drain).isEmpty }
            client.say([Packet(type: 1)])
            try await until("draining") { client.heard.count == 3 }
            #expect(try code(client.heard[2]) == Code.draining.rawValue)
            await hubs[0].stop()
            try await until("noPeer") {
                client.say([Packet(type: 1)])
                try await Task.sleep(for: .milliseconds(5))
                guard let last = client.heard.last else { return false }
                return try code(last) == Code.noPeer.rawValue
            }
        }
    }

    @Test("S25: after DRAIN 0 nothing new goes to a leaving hub, and the other takes all of it without a loss")
    func hubDrains() async throws {
        try await run { gateway, hubs in
            let clients = try await gateway.clients(8)
            for round in 0..<40 {
                for client in clients { client.peer.say([Packet(type: 7)]) }
                if round == 20 { hubs[0].say(Packet(Drain(deadlineMilliseconds: 30_000))) }
                try await Task.sleep(for: .milliseconds(1))
            }
            for client in clients { try await until("all answers") { client.peer.heard.count == 41 } }
            #expect(clients.allSatisfy { client in client.peer.heard.allSatisfy { !$0.header.isControl } })
            try await until("the answer to DRAIN") { !hubs[0].heard(.drain).isEmpty }
            let log = hubs[0].heard
            let answer = try #require(log.firstIndex { $0.header.type == ControlType.drain.rawValue })
            #expect(log[answer...].dropFirst().allSatisfy { $0.header.isControl && $0.header.type != ControlType.sessionClosed.rawValue })
            #expect(try Drain(body: log[answer].body, format: .standard).deadlineMilliseconds == 0)
        }
    }

    @Test("S25: the gateway says DRAIN to its hubs after its last client's SESSION_CLOSED, and nothing new follows")
    func gatewayDrains() async throws {
        var kept: [TestHub] = []
        try await run { gateway, hubs in
            _ = try await gateway.clients(6)
            kept = hubs
            await gateway.gateway.drain(within: .seconds(10), atOnce: true)
            let closed = hubs.reduce(0) { $0 + $1.heard(.sessionClosed).count { $0.header.session != 0 } }
            #expect(closed == 6)
        }
        for hub in kept {
            let drain = try #require(hub.heard.firstIndex { $0.header.type == ControlType.drain.rawValue })
            #expect(drain == hub.heard.count - 1)
        }
    }

    @Test("S12: the first hub that welcomes hears once that every earlier session is gone; each end goes once, to the hub of the choice")
    func sessionClosed() async throws {
        try await run(hubs: [21, 22]) { gateway, hubs in
            let clients = try await gateway.clients(10)
            for client in clients { client.peer.close() }
            let all = { hubs.flatMap { $0.heard(.sessionClosed) } }
            try await until("all ends") { all().count == 11 }
            let first = all().filter { $0.header.session == 0 }
            #expect(first.count == 1)
            for client in clients {
                let owner = Choice.owner(of: Choice.slot(of: client.session), among: [21, 22]) ?? 0
                #expect(hubs[owner].heard(.sessionClosed).count { $0.header.session == client.session } == 1)
                #expect(hubs[1 - owner].heard(.sessionClosed).count { $0.header.session == client.session } == 0)
            }
        }
    }

    @Test("S12: ends of sessions are kept while no hub is up, and told when one is")
    func keptClosings() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        // A port that nobody listens on now.
        let placeholder = try await TestHub.start(id: 1, group: group)
        let port = placeholder.port
        await placeholder.stop()
        try await RunningGateway.run(loops: 2, servers: 1) { settings in
            settings.hubs = .init(to: [.host("127.0.0.1", port: port)])
        } _: { gateway in
            let clients = try await gateway.clients(5)
            for client in clients { client.peer.close() }
            let server = gateway.servers[0]
            try await until("the direct upstream's notices") {
                server.peers.flatMap(\.heard).count { $0.header.type == ControlType.sessionClosed.rawValue && $0.header.session != 0 } == 5
            }
            let late = try await TestHub.start(id: 1, group: group, port: port)
            try await until("the kept ones") { late.heard(.sessionClosed).count == 6 }
            #expect(late.heard(.sessionClosed).first?.header.session == 0)
            #expect(Set(late.heard(.sessionClosed).map(\.header.session)) == Set([0] + clients.map(\.session)))
            await late.stop()
        }
        try await group.shutdownGracefully()
    }

    @Test("S12: packets for a session that is gone are answered SESSION_CLOSED 2, once a second")
    func gone() async throws {
        try await run(hubs: [1]) { gateway, hubs in
            let (client, session) = try await gateway.clients(1)[0]
            client.close()
            try await until("its end") { hubs[0].heard(.sessionClosed).contains { $0.header.session == session } }
            let late = Packet(type: 7, es: RunningGateway.es, session: session)
            for _ in 0..<20 { hubs[0].say(late) }
            hubs[0].say(Packet(type: ControlType.ping.rawValue))
            try await until("PONG") { !hubs[0].heard(.pong).isEmpty }
            try await until("the notice") { hubs[0].heard(.sessionClosed).count { $0.header.session == session } == 2 }
            let notice = try #require(hubs[0].heard(.sessionClosed).last)
            #expect(try SessionClosed(body: notice.body, format: .standard).code == Code.noPeer.rawValue)
            #expect(notice.header.user == 0)
            #expect(hubs[0].heard(.undelivered).isEmpty)
        }
    }

    @Test("S10: what a hub says for another ES id is not obeyed, is answered noPeer, and counts")
    func otherEdge() async throws {
        try await run(hubs: [1]) { gateway, hubs in
            let (client, session) = try await gateway.clients(1)[0]
            hubs[0].say(
                Packet(type: 7, es: RunningGateway.es + 1, session: session),
                Packet(Kick(code: 8, reason: ""), es: RunningGateway.es + 1, session: session),
                Packet(Bind(), user: 5, token: 6, es: RunningGateway.es + 1, session: session))
            try await until("three answers") { hubs[0].heard(.undelivered).count == 3 }
            for packet in hubs[0].heard(.undelivered) { #expect(try code(packet) == Code.noPeer.rawValue) }
            client.say([Packet(type: 7)])
            try await until("an answer") { client.heard.count == 2 }
            #expect(hubs[0].packets.last?.header.user == 0)
            let events = await gateway.gateway.samples().filter { $0.metric == .securityEvents && $0.labels[1] == "identity" }
            #expect(events.reduce(0) { $0 + $1.value } == 3)
        }
    }

    @Test("S9: BIND, KICK, MULTICAST and pushes from a hub are obeyed; a push to every edge reaches the user here")
    func commands() async throws {
        try await run(hubs: [1]) { gateway, hubs in
            let (client, session) = try await gateway.clients(1)[0]
            let es = RunningGateway.es
            hubs[0].say(
                Packet(Bind(), user: 50, token: 6, es: es, session: session),
                Packet(type: 30, user: 50, es: PacketHeader.everyEdge),
                Packet(type: 31, user: 50, es: es),
                Packet(type: 32, user: 51, es: es))
            try await until("two pushes") { client.heard.count == 3 }
            #expect(client.heard.dropFirst().map(\.header.type) == [30, 31])
            #expect(client.heard.dropFirst().allSatisfy { $0.header.session == session && $0.header.es == es })
            hubs[0].say(Packet(Kick(code: 11, reason: "out"), es: es, session: session))
            try await until("the end") { client.isClosed }
            let reject = try #require(client.heard.last)
            #expect(try Reject(body: reject.body, format: .standard).code == 11)
            // Nobody there: over a hub it is counted and not answered.
            #expect(hubs[0].heard(.undelivered).isEmpty)
        }
    }

    @Test("S1: UNDELIVERED from a hub reaches the client that sent the packet")
    func undelivered() async throws {
        try await run(hubs: [1]) { gateway, hubs in
            let (client, _) = try await gateway.clients(1)[0]
            hubs[0].echo(false)
            client.say([Packet(type: 7, body: ByteBuffer(string: "body"))])
            try await until("the packet") { hubs[0].packets.last?.header.type == 7 }
            let lost = try #require(hubs[0].packets.last)
            let report = Undelivered(
                code: Code.busy.rawValue, lost: lost.header, quote: Array(lost.body.readableBytesView), reason: "busy: secret of the hub")
            hubs[0].say(Packet(report, es: lost.header.es, session: lost.header.session))
            try await until("the report") { client.heard.count == 2 }
            let told = try Undelivered(body: client.heard[1].body, format: .standard)
            #expect(told.code == Code.busy.rawValue)
            #expect(told.lost.type == 7)
            #expect(told.reason == "busy")
        }
    }

    @Test("S4: with waitForPeer packets wait for a hub that lists their type, in order; then the code of failing fast")
    func waitForPeer() async throws {
        try await run(hubs: [1], lists: .ranges([Claim(1, 1)])) { settings in
            var route = GatewaySettings.Route(name: "game", types: TypeSet([5...9]), hubs: true)
            route.waitForPeer = .seconds(2)
            settings.routes = [route]
        } _: { gateway, hubs in
            let (client, _) = try await gateway.clients(1)[0]
            client.say((0..<3).map { Packet(type: 5, body: ByteBuffer(integer: UInt32($0))) } + [Packet(type: 6)])
            client.say([Packet(type: 1)])
            try await until("what need not wait") { client.heard.count == 2 }
            hubs[0].list(.ranges([Claim(1, 1), Claim(5, 5)]))
            try await until("what waited") { client.heard.count >= 5 }
            #expect(client.heard[2...4].map { $0.body.getInteger(at: $0.body.readerIndex, as: UInt32.self) } == [0, 1, 2])
            try await until("the end of the wait") { client.heard.count == 6 }
            #expect(try code(client.heard[5]) == Code.noRoute.rawValue)
        }
    }

    /// A client whose session's choice is that hub.
    private func client(of hub: Int, among ids: [UInt64], _ gateway: RunningGateway) async throws -> PacketPeer {
        while true {
            let (client, session) = try await gateway.clients(1)[0]
            if Choice.owner(of: Choice.slot(of: session), among: ids) == hub { return client }
            client.close()
        }
    }

    private func queued(_ gateway: RunningGateway) async -> Int {
        await gateway.gateway.samples().filter { $0.metric == .queueBytes && $0.labels[1] == "hub" }.reduce(0) { $0 + $1.value }
    }

    /// Numbered packets of 1,000 bytes.
    private func numbered(_ numbers: Range<Int>) -> [Packet] {
        numbers.map { number in
            var body = ByteBuffer(integer: UInt32(number))
            body.writeRepeatingByte(0, count: 968)
            return Packet(type: 7, body: body)
        }
    }

    private func number(_ body: ByteBuffer) -> Int? { body.getInteger(at: body.readerIndex, as: UInt32.self).map(Int.init) }

    @Test("S13: a hub that does not read pauses its senders, and when it reads again all arrives in order", arguments: [1, 2])
    func pauses(loops: Int) async throws {
        try await run(loops: loops, hubs: [31]) { gateway, hubs in
            let (client, _) = try await gateway.clients(1)[0]
            hubs[0].echo(false)
            hubs[0].read(false)
            let total = 20_000
            for start in stride(from: 0, to: total, by: 500) { client.say(numbered(start..<start + 500)) }
            try await until("a full queue") { await queued(gateway) > 1 << 20 }
            // One read more than the mark, at most.
            #expect(await queued(gateway) < (1 << 20) + (128 << 10))
            hubs[0].read(true)
            try await until("everything") { hubs[0].packets.count == total + 1 }
            #expect(hubs[0].packets.dropFirst().map { number($0.body) } == (0..<total).map { $0 })
            #expect(client.heard.count == 1)
        }
    }

    @Test("S2, S3: what is queued for a hub that dies goes over the other, once and in order; of each packet at most one is told", arguments: [1, 2])
    func rerouted(loops: Int) async throws {
        try await run(loops: loops, hubs: [41, 42]) { settings in
            var route = GatewaySettings.Route(name: "game", types: TypeSet([7...7]), hubs: true)
            route.highWater = 8 << 20
            settings.routes = [route]
        } _: { gateway, hubs in
            let client = try await client(of: 0, among: [41, 42], gateway)
            hubs[0].echo(false)
            hubs[0].read(false)
            var sent = 0
            while await queued(gateway) < 700 << 10 {
                client.say(numbered(sent..<sent + 200))
                sent += 200
                try await Task.sleep(for: .milliseconds(1))
            }
            await hubs[0].stop()
            try await until("the newest packet over the other hub") { client.heard.contains { number($0.body) == sent - 1 && !$0.header.isControl } }
            let answered = client.heard.dropFirst().filter { !$0.header.isControl }.map { number($0.body) ?? -1 }
            #expect(answered.count > 300)
            #expect(answered == Array((sent - answered.count)..<sent))
            var told: [Int] = []
            for packet in client.heard where packet.header.isControl {
                let report = try Undelivered(body: packet.body, format: .standard)
                #expect(report.code == Code.lost.rawValue)
                told.append(number(ByteBuffer(bytes: report.quote)) ?? -1)
            }
            // What was being written is older than what was not.
            #expect(told == Array((sent - answered.count - told.count)..<(sent - answered.count)))
            #expect(told.count * 1000 <= 256 << 10)
        }
    }

    @Test("Of two hubs with one id only the first is used")
    func doubleID() async throws {
        try await run(hubs: [5, 5]) { gateway, hubs in
            _ = try await gateway.clients(8)
            #expect(hubs[0].packets.count == 8)
            #expect(hubs[1].packets.isEmpty)
        }
    }
}
