import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import Links

/// A link while it is open.
@Suite("Link, open")
struct LinkTests {
    @Test("everything that was queued in a turn leaves in one write when the turn ends")
    func oneFlush() throws {
        let rig = try EmbeddedLink()
        #expect(rig.owner.opened == 1 && rig.link.isOpen)
        for value in 1...50 { rig.send([UInt8(value), 0]) }
        #expect(try rig.written().isEmpty)
        #expect(rig.loop.queuedBytes == 100)
        rig.endTurn()
        #expect(try rig.written() == [(1...50).flatMap { [UInt8($0), 0] }])
        #expect(rig.loop.queuedBytes == 0 && rig.link.outbound.bytes == 0)
    }

    @Test("answers to all frames of one read leave in one write")
    func answers() throws {
        let rig = try EmbeddedLink()
        rig.owner.onFrame = { $0.append(ByteBuffer(bytes: [UInt8(rig.owner.frames.count)])) }
        try rig.receive((0..<9).flatMap { RecordingOwner.frame([$0]) })
        rig.endTurn()
        #expect(try rig.written() == [Array(1...9)])
    }

    @Test("S2, S5: a turn of a megabyte leaves in order, in blocks of at most 256 KiB")
    func blocks() throws {
        var random = Seeded(2)
        let rig = try EmbeddedLink()
        let frames = (0..<40).map { _ in random.bytes(Int.random(in: 1...60_000, using: &random)) }
        for frame in frames { rig.send(frame) }
        rig.endTurn()
        let writes = try rig.written()
        #expect(writes.allSatisfy { $0.count <= 256 << 10 })
        let isSame = writes.joined().elementsEqual(frames.joined())
        #expect(isSame)
        #expect(rig.loop.queuedBytes == 0)
    }

    /// A socket that takes a byte when it is told to, while its channel stays writable, as NIO's does for one byte.
    private final class SlowByte: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var held: [EventLoopPromise<Void>] = []

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            guard let promise else { return context.write(data, promise: nil) }
            context.write(data, promise: nil)
            held.append(promise)
        }
    }

    @Test("S2, S5: while the socket holds one byte, for which its channel stays writable, nothing overtakes it")
    func lastByte() throws {
        let socket = SlowByte()
        let rig = try EmbeddedLink(socket: [socket])
        rig.send([1])
        rig.endTurn()
        #expect(try rig.written() == [[1]])
        rig.send([2, 3])
        rig.endTurn()
        #expect(try rig.written().isEmpty && rig.loop.queuedBytes == 3)
        rig.freeSocket()
        #expect(try rig.written().isEmpty, "whoever says that it is writable means nothing")
        for promise in socket.held { promise.succeed() }
        rig.endTurn()
        #expect(try rig.written() == [[2, 3]])
        #expect(rig.loop.queuedBytes == 0 && socket.held.count == 1)
    }

    @Test("S2: while the socket holds a block, what comes after it waits here, counted")
    func held() throws {
        let rig = try EmbeddedLink()
        rig.holdSocket()
        rig.send([1])
        rig.endTurn()
        rig.send([2])
        rig.endTurn()
        rig.send([3])
        rig.endTurn()
        #expect(try rig.written() == [[1]])
        #expect(rig.link.outbound.bytes == 3 && rig.loop.queuedBytes == 3 && rig.link.endOffset == 3)
        rig.freeSocket()
        rig.endTurn()
        #expect(try rig.written() == [[2, 3]])
        #expect(rig.link.outbound.bytes == 0 && rig.loop.queuedBytes == 0 && rig.link.endOffset == 3)
    }

    @Test("S13: the owner hears when the queue is down to its mark, and only with a mark")
    func drained() throws {
        let rig = try EmbeddedLink()
        rig.send([1])
        rig.endTurn()
        #expect(rig.owner.drained == 0)
        rig.link.resumeMark = 2
        rig.holdSocket()
        rig.send([1, 2, 3])
        rig.endTurn()
        #expect(rig.owner.drained == 0)
        rig.freeSocket()
        rig.endTurn()
        #expect(rig.owner.drained >= 1)
    }

    @Test("S13: pauses nest; reading goes on when the last one ends")
    func pauses() throws {
        let rig = try EmbeddedLink()
        #expect(rig.isAutoRead && !rig.link.isPaused)
        rig.link.pauseReading()
        rig.link.pauseReading()
        #expect(!rig.isAutoRead && rig.link.isPaused)
        rig.link.resumeReading()
        #expect(!rig.isAutoRead && rig.link.isPaused)
        rig.link.resumeReading()
        #expect(rig.isAutoRead && !rig.link.isPaused)
    }

    @Test("S5, S13: what was read when the owner paused is kept, and comes first when reading goes on", arguments: 0...6)
    func keptWhilePaused(cut: Int) throws {
        let rig = try EmbeddedLink()
        rig.owner.onFrame = { if rig.owner.frames.count % 2 == 0 { $0.pauseReading() } }
        let stream = (0..<7).flatMap { RecordingOwner.frame([$0, $0]) }
        try rig.receive(Array(stream.prefix(cut * 6 + 3)))
        try rig.receive(Array(stream.dropFirst(cut * 6 + 3)))
        for turn in 1...3 {
            #expect(rig.owner.frames.count == 2 * turn && !rig.isAutoRead)
            rig.link.resumeReading()
        }
        #expect(rig.owner.frames == (0..<7).map { [$0, $0] } && rig.isAutoRead)
    }

    @Test("S17: only a complete frame counts as life")
    func lastHeard() throws {
        let rig = try EmbeddedLink()
        let opened = rig.link.lastHeard
        rig.eventLoop.advanceTime(by: .seconds(1))
        let frame = RecordingOwner.frame([1, 2, 3])
        try rig.receive(Array(frame.prefix(6)))
        rig.endTurn()
        #expect(rig.link.lastHeard == opened)
        rig.eventLoop.advanceTime(by: .seconds(1))
        try rig.receive(Array(frame.dropFirst(6)))
        #expect(rig.link.lastHeard == opened + .seconds(2))
    }

    @Test("the owner's timer is the link's")
    func timer() throws {
        let rig = try EmbeddedLink()
        rig.loop.arm(rig.link.timer, at: rig.eventLoop.now + .seconds(3))
        rig.eventLoop.advanceTime(by: .seconds(2))
        #expect(rig.owner.fired == 0)
        rig.eventLoop.advanceTime(by: .seconds(2))
        #expect(rig.owner.fired == 1)
    }
}
