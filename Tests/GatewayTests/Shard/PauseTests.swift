import Links
import NIOCore
import NIOEmbedded
import Testing
import Wire

@testable import Gateway

/// What becomes of clients whose upstream does not read.
@Suite("Pauses")
struct PauseTests {
    private func rig(_ loops: Int) -> ShardRig { ShardRig(loops: loops) { $0.routes[0].highWater = 10_000 } }

    private let packet = Packet(type: 3, body: ByteBuffer(repeating: 1, count: 972))

    @Test("S13: over highWater a client that then sends is not read; at half it is read again; nothing is lost", arguments: [0, 1])
    func pauseAndResume(loop: Int) throws {
        let rig = rig(2)
        let upstream = try rig.upstream(on: 0)
        let client = try rig.client(on: loop)
        let other = try rig.client(on: loop)
        upstream.hold()
        for _ in 0..<10 {
            try client.say(packet)
            rig.settle()
        }
        #expect(!client.client.link.isPaused)
        try client.say(packet)
        rig.settle()
        #expect(client.client.link.isPaused && !other.client.link.isPaused)
        upstream.hold(false)
        rig.settle()
        #expect(!client.client.link.isPaused)
        #expect(try upstream.heard().count == 11)
        #expect(rig.undelivered().isEmpty)
    }

    @Test("S13: over four times highWater: busy", arguments: [0, 1])
    func busy(loop: Int) throws {
        let rig = rig(2)
        let upstream = try rig.upstream(on: 0)
        upstream.hold()
        // Each is read until its own packet finds the queue too long, so it takes many to fill it.
        let clients = try (0..<50).map { _ in try rig.client(on: loop) }
        for client in clients {
            try client.say(packet)
            rig.settle()
        }
        let reports = try clients.flatMap { try $0.heard() }
        #expect(try reports.map { try Undelivered(body: $0.body, format: .standard).code } == [UInt16](repeating: 3, count: 9))
        upstream.hold(false)
        rig.settle()
        #expect(try upstream.heard().count == 41)
    }

    @Test("S5, S13: what a paused client had sent already goes out when it is read again, in order and before what comes then", arguments: [0, 1])
    func kept(loop: Int) throws {
        let rig = rig(2)
        let upstream = try rig.upstream(on: 0)
        upstream.hold()
        let client = try rig.client(on: loop)
        var burst = ByteBuffer()
        for number in 0..<40 { Packet(type: UInt16(number), body: ByteBuffer(repeating: 1, count: 972)).write(to: &burst) }
        try client.channel.writeInbound(burst)
        rig.settle()
        #expect(client.client.link.isPaused)
        for number in 40..<45 { try client.say(Packet(type: UInt16(number))) }
        upstream.hold(false)
        rig.settle()
        #expect(try upstream.heard().map(\.header.type) == Array(0..<45))
        #expect(!client.client.link.isPaused)
        #expect(rig.undelivered().isEmpty)
    }

    @Test("S2, S13: a connection's end resumes whoever was not read because of it", arguments: [0, 1])
    func death(loop: Int) throws {
        let rig = rig(2)
        let upstream = try rig.upstream(on: 0)
        upstream.hold()
        let client = try rig.client(on: loop)
        for _ in 0..<12 {
            try client.say(packet)
            rig.settle()
        }
        #expect(client.client.link.isPaused)
        upstream.disconnect()
        rig.settle()
        #expect(!client.client.link.isPaused && client.client.pausedBy.isEmpty)
    }

    @Test("S13, S14: a queue that goes down while a packet of another loop is on its way leaves nobody paused")
    func crossingPause() throws {
        let rig = rig(2)
        let upstream = try rig.upstream(on: 0)
        let near = try rig.client(on: 0)
        let far = try rig.client(on: 1)
        upstream.hold()
        for _ in 0..<10 {
            try near.say(packet)
            rig.settle()
        }
        // The far loop sees a queue that its packet brings over highWater; before that packet arrives the upstream has read everything.
        try far.say(packet)
        rig.eventLoops[1].run()
        #expect(far.client.link.isPaused)
        upstream.hold(false)
        rig.settle()
        #expect(try upstream.heard().count == 11)
        #expect(!far.client.link.isPaused && !near.client.link.isPaused)
    }

    @Test("S16: a client that the gateway has paused is not idle")
    func idle() throws {
        let rig = rig(1)
        let upstream = try rig.upstream()
        upstream.hold()
        let client = try rig.client()
        for _ in 0..<12 { try client.say(packet) }
        rig.settle()
        for _ in 0..<10 { rig.advance(.seconds(60)) }
        #expect(client.client.hasSession && client.client.link.isPaused)
        upstream.hold(false)
        rig.settle()
        rig.advance(.seconds(30))
        #expect(client.client.hasSession)
        for _ in 0..<4 { rig.advance(.seconds(60)) }
        #expect(!client.client.hasSession)
    }
}
