import NIOCore
import TestSupport
import Testing

@testable import Links

/// What a link still held when it died.
@Suite("Remains")
struct RemainsTests {
    private func bytes(_ block: ByteBuffer?) -> [UInt8]? { block.map { Array($0.readableBytesView) } }

    @Test("S2: nothing when the socket has taken everything")
    func nothing() throws {
        let rig = try EmbeddedLink()
        rig.send([1, 2, 3])
        rig.endTurn()
        let remains = try rig.die()
        #expect(remains.writing == nil && remains.held.isEmpty && remains.heldOffset == 3)
    }

    @Test("S2: the block being written is told apart from what was held behind it")
    func apart() throws {
        let rig = try EmbeddedLink()
        rig.send([9, 9, 9, 9])
        rig.endTurn()
        rig.holdSocket()
        rig.send([1, 1])
        rig.endTurn()
        rig.send([2, 2, 2])
        rig.endTurn()
        rig.send([3])
        let remains = try rig.die()
        #expect(bytes(remains.writing) == [1, 1])
        #expect(remains.held.map { bytes($0) } == [[2, 2, 2, 3]])
        #expect(remains.heldOffset == 6)
        #expect(rig.loop.queuedBytes == 0)
    }

    @Test("S2: what was never flushed was not written")
    func unflushed() throws {
        let rig = try EmbeddedLink()
        rig.send([1, 2])
        let remains = try rig.die()
        #expect(remains.writing == nil && remains.held.map { bytes($0) } == [[1, 2]] && remains.heldOffset == 0)
    }

    @Test("S2: held blocks come oldest first and add up; the block being written is at most 256 KiB")
    func order() throws {
        let rig = try EmbeddedLink()
        var random = Seeded(22)
        let frames = (0..<30).map { _ in random.bytes(Int.random(in: 20_000...60_000, using: &random)) }
        rig.holdSocket()
        for frame in frames { rig.send(frame) }
        rig.endTurn()
        let first = try #require(try rig.written().first)
        let remains = try rig.die()
        let isFirst = bytes(remains.writing) == first
        #expect(isFirst)
        #expect(first.count <= 256 << 10)
        #expect(remains.held.count > 1)
        let isSame = (first + remains.held.flatMap { $0.readableBytesView }).elementsEqual(frames.joined())
        #expect(isSame)
        #expect(remains.heldOffset == first.count)
    }

    @Test("S2: a block that the socket takes at last is no longer told")
    func taken() throws {
        let rig = try EmbeddedLink()
        rig.holdSocket()
        rig.send([1])
        rig.endTurn()
        rig.send([2])
        rig.endTurn()
        rig.freeSocket()
        rig.endTurn()
        rig.send([3])
        let remains = try rig.die()
        #expect(remains.writing == nil && remains.held.map { bytes($0) } == [[3]] && remains.heldOffset == 2)
    }
}

extension EmbeddedLink {
    /// The connection is gone; what the link still held.
    fileprivate func die() throws -> Remains {
        channel.close(promise: nil)
        return try #require(owner.ends.first).remains
    }
}
