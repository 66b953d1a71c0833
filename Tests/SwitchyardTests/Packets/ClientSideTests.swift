import NIOCore
import Sessions
import Switchyard
import Synchronization
import Telemetry
import Testing

/// A packet server that faces clients itself, over loopback.
@Suite("Packet server for clients")
struct ClientSideTests {
    private let handlers: (inout PacketRouter) -> Void = { router in
        router.on(1) { packet, connection in
            connection.bind(user: UInt64(packet.text) ?? 0, token: 9)
            return Packet(type: 1, user: UInt64(packet.text) ?? 0, token: 9)
        }
        router.on(7) { packet, connection in Packet(type: 7, text: "\(packet.header.user) \(packet.header.session) \(connection.es) \(packet.text)") }
        router.inline(8) { packet, _ in packet }
    }

    private func withClients(_ settings: (inout PacketServerSettings) -> Void, body: (PacketServer) async throws -> Void) async throws {
        try await withServer(.clients, settings: settings, handlers: handlers, body: body)
    }

    @Test("S9: the server gives each client a session, and stamps what it sends; pushes reach the user, kicks close")
    func identity() async throws {
        try await withClients {
            $0.publicTypes = TypeSet([1...1])
        } body: { server in
            let peer = try await PacketPeer.connect(to: server.address)
            peer.say(packet(7, session: 666), packet(1, "42", user: 0, es: 9, session: 666))
            try await eventually("the refusal and the login") { peer.heard.count == 2 }
            #expect(peer.undelivered == [Code.unauthorized.rawValue])
            let session = peer.answers[0].header.session
            #expect(session != 0 && session != 666 && peer.answers[0].header.user == 42)
            peer.say(packet(7, "hi", session: 666))
            try await eventually("the answer") { peer.answers.count == 2 }
            #expect(peer.answers[1].text == "42 \(session) 1 hi")
            server.push(Packet(type: 30, text: "for you"), toUser: 42)
            server.push(Packet(type: 30, text: "for nobody"), toUser: 43)
            server.multicast(Packet(type: 31))
            try await eventually("the pushes") { peer.answers.count == 4 }
            #expect(peer.answers[2...].allSatisfy { $0.header.session == session && $0.header.user == 42 && $0.header.token == 0 })
            #expect(Set(peer.answers[2...].map(\.type)) == [30, 31])
            // Another user's name closes it.
            peer.say(packet(7, user: 43))
            try await eventually("the end") { peer.isClosed }
            #expect(peer.rejected == Code.unauthorized.rawValue)
        }
    }

    @Test("S9: a client's control packet closes it, whatever the kind; PING is answered", arguments: [0xFF09, 0xFF0A, 0xFF06, 0xFFEE] as [UInt16])
    func control(type: UInt16) async throws {
        try await withServer(.clients, handlers: handlers) { server in
            let peer = try await PacketPeer.connect(to: server.address)
            peer.say(Packet(type: ControlType.ping.rawValue, body: ByteBuffer(string: "ping")))
            try await eventually("the pong") { peer.heard.first?.type == ControlType.pong.rawValue }
            peer.say(Packet(type: type, session: 1, body: ByteBuffer(repeating: 0, count: 4)))
            try await eventually("the end") { peer.isClosed }
            #expect(peer.rejected == Code.unauthorized.rawValue)
        }
    }

    @Test("S16: connections over the limit are refused with 12, packets over the rate answered 12, silence closed with 18")
    func limits() async throws {
        try await withClients {
            $0.limits.connections = 1
            $0.limits.packetsPerSecond = 3
            $0.limits.idle = .milliseconds(300)
        } body: { server in
            let first = try await PacketPeer.connect(to: server.address)
            first.say(packet(8))
            try await eventually("the first is in") { first.answers.count == 1 }
            let second = try await PacketPeer.connect(to: server.address)
            try await eventually("the second is out") { second.isClosed }
            #expect(second.rejected == Code.rateLimited.rawValue)
            first.say((0..<5).map { _ in packet(8) })
            try await eventually("six answers") { first.heard.count == 6 }
            #expect(first.undelivered.allSatisfy { $0 == Code.rateLimited.rawValue } && first.undelivered.count >= 2)
            try await eventually("the idle end") { first.isClosed }
            #expect(first.rejected == Code.idle.rawValue)
        }
    }

    @Test(
        "S13: a client that does not read is closed with 16 and costs nobody else anything, be it answers or refusals", arguments: [8, 9] as [UInt16])
    func slow(type: UInt16) async throws {
        try await withClients {
            $0.limits.maxPending = 200_000
        } body: { server in
            let slow = try await PacketPeer.connect(to: server.address)
            try await slow.stopReading()
            // More than the sockets of both sides hold. What has no handler is told in less than a hundred bytes.
            let body = String(repeating: "x", count: type == 8 ? 60_000 : 40)
            let batch = Array(repeating: packet(type, body), count: type == 8 ? 1 : 1_000)
            for _ in 0..<400 { slow.say(batch) }
            let other = try await PacketPeer.connect(to: server.address)
            other.say(packet(8, "quick"))
            try await eventually("the other's answer") { other.answers.count == 1 }
            let deadline = ContinuousClock.now + .seconds(10)
            var closed = 0
            while closed == 0, ContinuousClock.now < deadline {
                closed = await server.samples().filter { $0.metric == .linksClosed && $0.labels.contains("slowConsumer") }.reduce(0) { $0 + $1.value }
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(closed == 1)
            slow.close()
        }
    }

    @Test("S12: the end of a client is heard in its lane, with its user and code, and what is pushed afterwards reaches nobody")
    func closed() async throws {
        let ends = Mutex<[(PacketConnection, UInt16)]>([])
        let hearing: (inout PacketRouter) -> Void = { router in
            handlers(&router)
            router.onClosed { connection, code in ends.withLock { $0.append((connection, code)) } }
        }
        try await withServer(.clients, handlers: hearing) { server in
            let peer = try await PacketPeer.connect(to: server.address)
            peer.say(packet(1, "5"), packet(7))
            try await eventually("answers") { peer.answers.count == 2 }
            peer.close()
            try await eventually("the end is heard") { ends.withLock { $0.count } == 1 }
            let (connection, code) = ends.withLock { $0[0] }
            #expect(connection.user == 5 && connection.session == peer.answers[0].header.session && code == Code.cancelled.rawValue)
            let next = try await PacketPeer.connect(to: server.address)
            next.say(packet(1, "5"))
            try await eventually("the next one is in") { next.answers.count == 1 }
            #expect(next.answers[0].header.session != connection.session)
            connection.push(Packet(type: 30))
            connection.kick()
            next.say(packet(7, "still here"))
            try await eventually("the next one's answer") { next.answers.count == 2 }
            #expect(next.answers.allSatisfy { $0.type != 30 })
            let gone = await server.samples().filter { $0.metric == .discarded && $0.labels.contains("goneSession") }.reduce(0) { $0 + $1.value }
            #expect(gone == 2)
        }
    }
}
