import Switchyard
import Synchronization
import Telemetry
import Testing

/// A packet server behind gateways, over loopback.
@Suite("Packet server for gateways")
struct GatewaySideTests {
    @Test("a reply carries the sender's address; a handler may change type and identity", arguments: Loops.allCases)
    func reply(loops: Loops) async throws {
        try await withServer(group: loops.group) { router in
            router.on(7) { packet, _ in packet }
            router.on(8) { packet, _ in Packet(type: 9, text: packet.text.uppercased()) }
            router.on(10) { packet, _ in Packet(type: 10, user: 77, token: 5) }
            router.inline(11) { packet, connection in Packet(type: 11, text: "\(connection.user) \(connection.session) \(connection.es)") }
            router.on(12) { _, _ in nil }
        } body: { server in
            let peer = try await PacketPeer.connect(to: server.address)
            peer.say(
                packet(12, session: 3), packet(7, "a", user: 5, es: 2, session: 3), packet(8, "b", session: 3), packet(10, session: 3),
                packet(11, user: 6, es: 4, session: 9))
            try await eventually("four answers") { peer.answers.count == 4 }
            let lanes = peer.answers.filter { $0.type != 11 }
            #expect(lanes.map(\.type) == [7, 9, 10])
            #expect(lanes[0] == packet(7, "a", user: 5, es: 2, session: 3))
            #expect(lanes[1].text == "B" && lanes[1].header.session == 3)
            #expect(lanes[2].header.user == 77 && lanes[2].header.token == 5 && lanes[2].header.session == 3)
            #expect(peer.answers.first { $0.type == 11 }?.text == "6 9 4")
        }
    }

    @Test("S1: no handler is noRoute, a refusal its code, any other error internal without details, a reply that is none internal")
    func undelivered() async throws {
        struct Secret: Error { var password = "swordfish" }
        try await withServer { router in
            router.on(2) { _, _ in throw PacketRefusal(.badRequest, "three words") }
            router.on(3) { _, _ in throw Secret() }
            router.on(4) { _, _ in Packet(type: 0xFF09) }
            router.on(5) { _, _ in Packet(type: 5, body: ByteBuffer(repeating: 1, count: 65_508)) }
            router.inline(6) { _, _ in throw Secret() }
        } body: { server in
            let peer = try await PacketPeer.connect(to: server.address)
            peer.say((1...6).map { packet($0, "text \($0)", session: 8) })
            try await eventually("six notices") { peer.undelivered.count == 6 }
            for notice in peer.heard {
                let report = try Undelivered(body: notice.body, format: .standard)
                let expected: Code =
                    switch report.lost.type {
                    case 1: .noRoute
                    case 2: .badRequest
                    default: .internal
                    }
                #expect(report.code == expected.rawValue)
                #expect(report.reason == (report.lost.type == 2 ? "three words" : expected.name))
                #expect(report.lost.session == 8 && notice.header.session == 8)
                #expect(report.quote == Array("text \(report.lost.type)".utf8) || report.lost.type == 4 || report.lost.type == 5)
            }
        }
    }

    @Test("S5: what a handler pushes, binds and kicks arrives in that order, before its reply; any thread may push")
    func push() async throws {
        try await withServer { router in
            router.on(1) { packet, connection in
                connection.bind(user: 42, token: 7)
                connection.push(Packet(type: 20, text: "first"))
                connection.push(Packet(type: 20, text: "second"))
                Task.detached { connection.push(Packet(type: 21, text: "from outside")) }
                return Packet(type: 1, text: "reply")
            }
            router.on(2) { _, connection in
                connection.kick(.unauthorized, reason: "go")
                return nil
            }
        } body: { server in
            let peer = try await PacketPeer.connect(to: server.address)
            peer.say(packet(1, es: 3, session: 5))
            try await eventually("everything") { peer.heard.count == 5 }
            let mine = peer.heard.filter { $0.type != 21 }
            #expect(mine.map(\.type) == [ControlType.bind.rawValue, 20, 20, 1])
            #expect(mine[0].header.user == 42 && mine[0].header.token == 7 && mine[0].header.session == 5 && mine[0].header.es == 3)
            #expect(mine.map(\.text) == ["", "first", "second", "reply"])
            #expect(peer.heard.allSatisfy { $0.header.session == 5 && $0.header.es == 3 })
            peer.say(packet(2, es: 3, session: 5))
            try await eventually("the kick") { peer.heard.last?.type == ControlType.kick.rawValue }
            let kick = try Kick(body: peer.heard[5].body, format: .standard)
            #expect(kick.code == Code.unauthorized.rawValue && kick.reason == "go" && peer.heard[5].header.session == 5)
        }
    }

    @Test("pushes to users and multicasts go once to each edge, over a link that it has spoken on")
    func multicast() async throws {
        let connections = Mutex<[PacketConnection]>([])
        try await withServer { router in
            router.on(1) { packet, connection in
                connections.withLock { $0.append(connection) }
                return packet
            }
        } body: { server in
            // Edge 1 has two links, edge 2 has one.
            let peers = [
                try await PacketPeer.connect(to: server.address), try await PacketPeer.connect(to: server.address),
                try await PacketPeer.connect(to: server.address),
            ]
            for (index, peer) in peers.enumerated() {
                peer.say((1...3).map { packet(1, es: index == 2 ? 2 : 1, session: UInt64(index * 10 + $0)) })
                try await eventually("answers") { peer.answers.count == 3 }
            }
            server.push(Packet(type: 30, text: "to user"), toUser: 9)
            server.multicast(Packet(type: 31, text: "to all"))
            server.push(Packet(type: 32), toUser: 9, es: 2)
            server.multicast(Packet(type: 33, text: "to some"), to: connections.withLock { $0 }.filter { $0.session % 10 != 2 })
            try await eventually("edge 2 has everything") { peers[2].heard.count == 3 + 4 }
            try await eventually("edge 1 has everything") { peers[0].heard.count + peers[1].heard.count == 6 + 4 }
            #expect(peers[2].heard[3].header.user == 9 && peers[2].heard[3].header.session == 0 && peers[2].heard[3].type == 30)
            let edgeOne = (peers[0].heard + peers[1].heard).filter { $0.type != 1 }
            #expect(edgeOne.count { $0.type == 30 } == 1 && edgeOne.count { $0.type == 32 } == 0)
            var named: [UInt64] = []
            for packet in peers.flatMap(\.heard) where packet.type == ControlType.multicast.rawValue {
                let multicast = try Multicast(body: packet.body, format: .standard)
                if multicast.inner.type == 33 { named += multicast.sessions } else { #expect(multicast.sessions.isEmpty) }
                #expect(multicast.inner.header.token == 0 && multicast.inner.header.user == 0)
            }
            #expect(named.sorted() == [1, 3, 11, 13, 21, 23])
        }
    }

    @Test("S13: a gateway that does not read is read no further, however little each refusal is; when it reads again it hears of every packet")
    func flood() async throws {
        let count = 300_000
        let narrow: (inout PacketServerSettings) -> Void = { ($0.highWater, $0.maxPending) = (100_000, 1 << 20) }
        try await withServer(settings: narrow) { router in
            router.inline(6) { _ in throw PacketRefusal(.badRequest) }
        } body: { server in
            let peer = try await PacketPeer.connect(to: server.address)
            try await peer.stopReading()
            let batch = (0..<1_000).map { packet(UInt16(5 + $0 % 2), "some forty bytes that are quoted in each") }
            for _ in 0..<(count / batch.count) { peer.say(batch) }
            // It has been read as far as it will be when nothing changes any more.
            var (last, most, looks) = (-1, 0, 0)
            while looks < 20 {
                let samples = await server.samples()
                func sum(_ metric: Metric, _ label: String) -> Int {
                    samples.filter { $0.metric == metric && $0.labels.contains(label) }.reduce(0) { $0 + $1.value }
                }
                let taken = sum(.bytes, "in")
                most = max(most, sum(.queueBytes, Side.route.rawValue))
                looks = taken == last && taken > 0 ? looks + 1 : 0
                last = taken
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(most > 100_000 && most < 1 << 20)
            try await peer.goOnReading()
            try await eventually("all notices", within: .seconds(60)) { peer.count == count }
            #expect(Set(peer.undelivered) == [Code.noRoute.rawValue, Code.badRequest.rawValue])
        }
    }

    @Test("S12: SESSION_CLOSED is heard in the session's lane, behind its last packet")
    func closed() async throws {
        let heard = Mutex<[String]>([])
        try await withServer { router in
            router.on(1) { packet, _ in
                try await Task.sleep(for: .milliseconds(5))
                heard.withLock { $0.append(packet.text) }
                return nil
            }
            router.onClosed { connection, code in heard.withLock { $0.append("closed \(connection.session) \(connection.user) \(code)") } }
        } body: { server in
            let peer = try await PacketPeer.connect(to: server.address)
            peer.say((0..<20).map { packet(1, "\($0)", session: 4) } + [Packet(SessionClosed(.idle), user: 6, es: 1, session: 4)])
            try await eventually("the end") { heard.withLock { $0.count } == 21 }
            #expect(heard.withLock { $0 } == (0..<20).map { "\($0)" } + ["closed 4 6 18"])
        }
    }

    @Test("S12: an edge that starts anew is heard of after everything that came before and before everything behind")
    func edgeReset() async throws {
        let heard = Mutex<[String]>([])
        try await withServer { router in
            router.on(1) { packet, _ in
                try await Task.sleep(for: .milliseconds(20))
                heard.withLock { $0.append(packet.text) }
                return nil
            }
            router.onEdgeReset { es in
                try? await Task.sleep(for: .milliseconds(5))
                heard.withLock { $0.append("reset \(es)") }
            }
        } body: { server in
            let old = try await PacketPeer.connect(to: server.address)
            old.say((1...50).map { packet(1, "old", session: $0) })
            try await eventually("the old ones are under way") { server.lanes.waiting == 50 }
            let new = try await PacketPeer.connect(to: server.address)
            new.say([Packet(SessionClosed(.lost), es: 1)] + (51...60).map { packet(1, "new", session: $0) })
            try await eventually("everything") { heard.withLock { $0.count } == 61 }
            #expect(heard.withLock { $0 } == [String](repeating: "old", count: 50) + ["reset 1"] + [String](repeating: "new", count: 10))
        }
    }

    @Test("S10: what is not for a gateway to say is not obeyed and counted; PING is answered; a bad length closes with 14")
    func controls() async throws {
        try await withServer { router in
            router.on(7) { packet, _ in packet }
        } body: { server in
            let peer = try await PacketPeer.connect(to: server.address)
            peer.say(
                Packet(Bind(), user: 1, session: 1), Packet(type: 0xFFF0),
                Packet(type: ControlType.ping.rawValue, session: 9, body: ByteBuffer(string: "x")),
                Packet(type: ControlType.ping.rawValue, body: ByteBuffer(repeating: 0, count: 65)), packet(7))
            try await eventually("the echo") { peer.answers.count == 1 }
            #expect(peer.heard[0] == Packet(type: ControlType.pong.rawValue, session: 9, body: ByteBuffer(string: "x")))
            #expect(peer.undelivered == [Code.badRequest.rawValue])
            let samples = await server.samples()
            #expect(samples.filter { $0.metric == .securityEvents }.reduce(0) { $0 + $1.value } == 1)
            #expect(samples.filter { $0.metric == .ignored }.reduce(0) { $0 + $1.value } == 1)
            var broken = packet(7)
            broken.header.length = 27
            peer.say(broken)
            try await eventually("the end") { peer.isClosed }
            #expect(peer.rejected == Code.protocol.rawValue)
        }
    }
}
