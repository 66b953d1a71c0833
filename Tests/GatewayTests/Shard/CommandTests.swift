import NIOCore
import Sessions
import Testing
import Wire

@testable import Gateway

/// What upstreams tell a gateway to do with its sessions, on any number of event loops.
@Suite("Commands of upstreams")
struct CommandTests {
    private static let loops = [1, 4]

    private func packet(_ type: UInt16 = 7, user: UInt64 = 0, session: UInt64 = 0, _ body: String = "hello") -> Packet {
        Packet(type: type, user: user, session: session, body: ByteBuffer(string: body))
    }

    private func bind(_ client: EmbeddedClient, to user: UInt64) -> Packet {
        Packet(type: ControlType.bind.rawValue, user: user, token: 77, session: client.session)
    }

    @Test("S5, S9: BIND binds a session of any loop before what the upstream says next", arguments: loops)
    func binding(loops: Int) throws {
        let rig = ShardRig(loops: loops)
        let upstream = try rig.upstream()
        let clients = try (0..<8).map { try rig.client(on: $0 % loops) }
        for (index, client) in clients.enumerated() {
            try upstream.say(bind(client, to: UInt64(index + 100)), packet(session: client.session))
        }
        rig.settle()
        for (index, client) in clients.enumerated() {
            #expect(client.client.identity.user == UInt64(index + 100) && client.client.identity.token == 77)
            #expect(try client.heard().count == 1)
            try client.say(packet(3))
        }
        rig.settle()
        let heard = try upstream.heard()
        #expect(Set(heard.map(\.header.user)) == Set(100..<108) && heard.allSatisfy { $0.header.token == 77 })
    }

    @Test("S9: KICK: what is queued goes out first, then REJECT with the code, then the link closes", arguments: loops)
    func kick(loops: Int) throws {
        let rig = ShardRig(loops: loops)
        let upstream = try rig.upstream()
        let client = try rig.client(on: loops - 1)
        let other = try rig.client(on: 0)
        try upstream.say(packet(session: client.session), Packet(Kick(code: 999, reason: "bye"), session: client.session))
        rig.settle()
        let heard = try client.heard()
        #expect(heard.map(\.header.type) == [7, ControlType.reject.rawValue])
        let reject = try Reject(body: try #require(heard.last).body, format: .standard)
        #expect(reject.code == 999 && reject.reason == "bye")
        rig.advance(.seconds(3))
        #expect(!client.isConnected && other.isConnected)
    }

    @Test("S12: KICK and BIND of a session that is gone: one UNDELIVERED 2 each", arguments: loops)
    func gone(loops: Int) throws {
        let rig = ShardRig(loops: loops)
        let upstream = try rig.upstream()
        let client = try rig.client(on: loops - 1)
        client.disconnect()
        rig.settle()
        try upstream.say(Packet(Kick(code: 1, reason: ""), session: client.session), bind(client, to: 4), packet(session: client.session))
        rig.settle()
        let heard = try upstream.heard()
        #expect(try heard.map { try Undelivered(body: $0.body, format: .standard).code } == [2, 2, 2])
        #expect(heard.allSatisfy { $0.header.session == client.session })
        #expect(rig.undelivered() == ["noPeer": 3])
    }

    @Test("MULTICAST reaches each named session of every loop once, stamped; absent ones are counted", arguments: loops)
    func multicast(loops: Int) throws {
        let rig = ShardRig(loops: loops)
        let upstream = try rig.upstream()
        let clients = try (0..<8).map { try rig.client(on: $0 % loops) }
        try upstream.say(bind(clients[0], to: 55))
        rig.settle()
        let named = clients.prefix(6).map(\.session) + [clients[0].session ^ 1, UInt64.max]
        try upstream.say(Packet(Multicast(sessions: named, inner: packet(9, user: 1, session: 2))))
        rig.settle()
        for (index, client) in clients.enumerated() {
            let heard = try client.heard()
            #expect(heard.count == (index < 6 ? 1 : 0))
            guard let header = heard.first?.header else { continue }
            #expect(header.type == 9 && header.session == client.session && header.es == ShardRig.es && header.token == 0)
            #expect(header.user == (index == 0 ? 55 : 0))
        }
        #expect(rig.shards.reduce(0) { $0 + $1.counters.multicastDelivered } == 6)
        #expect(rig.shards.reduce(0) { $0 + $1.counters.multicastAbsent } == 2)
        #expect(try upstream.heard().isEmpty)
    }

    @Test("MULTICAST to none by name reaches every bound session", arguments: loops)
    func everyBound(loops: Int) throws {
        let rig = ShardRig(loops: loops)
        let upstream = try rig.upstream()
        let clients = try (0..<8).map { try rig.client(on: $0 % loops) }
        for client in clients.prefix(5) { try upstream.say(bind(client, to: 55)) }
        try upstream.say(Packet(Multicast(sessions: [], inner: packet(9))))
        rig.settle()
        #expect(try clients.map { try $0.heard().count } == [1, 1, 1, 1, 1, 0, 0, 0])
    }

    @Test("a push reaches every session of the user, on every loop, once", arguments: loops)
    func push(loops: Int) throws {
        let rig = ShardRig(loops: loops)
        let upstream = try rig.upstream()
        let clients = try (0..<8).map { try rig.client(on: $0 % loops) }
        for (index, client) in clients.enumerated() { try upstream.say(bind(client, to: index < 5 ? 1 : 2)) }
        try upstream.say(packet(9, user: 1))
        rig.settle()
        for (index, client) in clients.enumerated() {
            let heard = try client.heard()
            #expect(heard.map(\.header.session) == (index < 5 ? [client.session] : []))
            #expect(heard.allSatisfy { $0.header.user == 1 && $0.header.es == ShardRig.es })
        }
        #expect(try upstream.heard().isEmpty)
    }

    @Test("S1: a push that nobody hears: exactly one UNDELIVERED 2, with the packet's header", arguments: loops)
    func missedPush(loops: Int) throws {
        let rig = ShardRig(loops: loops)
        let upstream = try rig.upstream(on: loops - 1)
        for loop in 0..<loops { _ = try rig.client(on: loop) }
        try upstream.say(packet(9, user: 66, "somebody there?"))
        rig.settle()
        let heard = try upstream.heard()
        #expect(heard.count == 1)
        let report = try Undelivered(body: try #require(heard.first).body, format: .standard)
        #expect(report.code == 2 && report.lost.user == 66 && report.lost.type == 9 && report.quote == Array("somebody there?".utf8))
        #expect(rig.undelivered() == ["noPeer": 1])
        rig.advance(.seconds(5))
        #expect(try upstream.heard().isEmpty)
    }

    @Test("S1: neither session nor user: UNDELIVERED 9; so is a MULTICAST that does not add up", arguments: loops)
    func malformed(loops: Int) throws {
        let rig = ShardRig(loops: loops)
        let upstream = try rig.upstream()
        let client = try rig.client()
        let short = Packet(type: ControlType.multicast.rawValue, body: ByteBuffer(bytes: [0, 9, 1]))
        let control = Packet(Multicast(sessions: [], inner: packet(ControlType.ping.rawValue)))
        try upstream.say(packet(9), short, control, Packet(type: ControlType.kick.rawValue, session: client.session))
        rig.settle()
        #expect(try upstream.heard().map { try Undelivered(body: $0.body, format: .standard).code } == [9, 9, 9, 9])
        #expect(client.isConnected)
    }
}
