import Links
import NIOCore
import NIOEmbedded
import Routing
import Sessions
import Testing
import Wire

@testable import Gateway

/// Nothing is lost in silence between two event loops.
@Suite("Loss across loops")
struct ShardLossTests {
    private func codes(_ peer: EmbeddedPeer) throws -> [UInt16] {
        try peer.heard().filter { $0.header.type == ControlType.undelivered.rawValue }
            .map { try Undelivered(body: $0.body, format: .standard).code }
    }

    @Test("S2: a packet that is on its way to a connection when it dies is answered neverSent")
    func dies() throws {
        let rig = ShardRig(loops: 2)
        let upstream = try rig.upstream(on: 1)
        let client = try rig.client(on: 0)
        try client.say(Packet(type: 3))
        rig.eventLoops[0].run()
        upstream.disconnect()
        rig.settle()
        #expect(try codes(client) == [5])
        #expect(rig.undelivered() == ["neverSent": 1])
    }

    @Test("S3: with another live connection it is re-routed instead, once, and counted once")
    func rerouted() throws {
        let rig = ShardRig(loops: 2)
        let client = try rig.client(on: 0)
        let upstreams = try [rig.upstream(on: 1), rig.upstream(on: 1)]
        try client.say(Packet(type: 3))
        rig.eventLoops[0].run()
        let slot = client.client.slot
        let chosen = rig.shards[0].routes[0].live[slot]?.takeUnretainedValue().trunk.id ?? 0
        upstreams[chosen].disconnect()
        rig.settle()
        #expect(try upstreams[chosen].heard().isEmpty)
        #expect(try upstreams[1 - chosen].heard().map(\.header.session) == [client.session])
        #expect(try codes(client).isEmpty)
        #expect(rig.shards.reduce(0) { $0 + $1.routes[0].counters.packetsIn } == 1)
    }

    @Test("S1, S2: a packet that is on its way to a connection that is being closed is answered, not dropped")
    func closing() throws {
        let rig = ShardRig(loops: 2)
        let upstream = try rig.upstream(on: 1)
        let client = try rig.client(on: 0)
        try client.say(Packet(type: 3))
        rig.eventLoops[0].run()
        // As after a broken length or three silent heartbeats: the link says its last word and is not open any more.
        upstream.link.close(.idle) { $0.append(Packet(Reject(.idle)), format: .standard) }
        upstream.tellLoops(.down)
        rig.settle()
        #expect(try upstream.heard().map(\.header.type) == [ControlType.reject.rawValue])
        #expect(try codes(client) == [5])
    }

    @Test("S13: notices from another loop count against a client's bound too", arguments: [0, 1])
    func notices(loop: Int) throws {
        let rig = ShardRig(loops: 2) { $0.limits.maxPending = 10_000 }
        let upstream = try rig.upstream(on: 0)
        let client = try rig.client(on: loop)
        client.hold()
        let lost = PacketHeader(bodyCount: 0, type: 3, es: ShardRig.es, session: client.session)
        for _ in 0..<1_000 {
            rig.shards[0].undeliverable(.busy, lost, ByteBuffer(), session: client.session, route: upstream.connection.route)
            rig.settle()
        }
        #expect(!client.isConnected)
        #expect(rig.shards[loop].loop.queuedBytes <= 10_000 + 10_000 / 8 + 200)
    }

    @Test("S12: a packet for a session of another loop that is gone is answered UNDELIVERED 2 to that upstream, once")
    func gone() throws {
        let rig = ShardRig(loops: 3)
        let upstreams = try (0..<3).map { try rig.upstream(on: $0) }
        let client = try rig.client(on: 2)
        try upstreams[0].say(Packet(type: 3, session: client.session, body: ByteBuffer(string: "late")))
        client.disconnect()
        rig.settle()
        #expect(try codes(upstreams[0]) == [2])
        #expect(try codes(upstreams[1]).isEmpty && codes(upstreams[2]).isEmpty)
        #expect(rig.shards.reduce(0) { $0 + $1.counters.goneSessions } == 1)
    }
}
