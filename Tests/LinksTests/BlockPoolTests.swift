import NIOCore
import Testing

@testable import Links

/// Outbound blocks of four sizes.
@Suite("Block pool")
struct BlockPoolTests {
    @Test("S2: the largest block has 256 KiB, and each class is the smallest that fits")
    func classes() {
        #expect(BlockPool.largest == 256 << 10 && BlockPool.sizes.max() == BlockPool.largest)
        for (count, expected) in [(0, 0), (4_096, 0), (4_097, 1), (32_768, 1), (32_769, 2), (131_072, 2), (131_073, 3), (262_144, 3), (1 << 30, 3)] {
            #expect(BlockPool.sizeClass(for: count) == expected)
        }
        #expect(BlockPool.sizeClass(for: 10, hint: 1) == 1)
        #expect(BlockPool.sizeClass(for: 40_000, hint: 1) == 2)
    }

    @Test("a block that came back is lent again, empty")
    func reuse() {
        var pool = BlockPool()
        for sizeClass in BlockPool.sizes.indices {
            var block = pool.take(sizeClass)
            #expect(block.capacity == BlockPool.sizes[sizeClass])
            block.writeBytes([1, 2, 3])
            let storage = address(block)
            pool.give(consume block)
            let again = pool.take(sizeClass)
            #expect(again.readableBytes == 0 && again.writableBytes == BlockPool.sizes[sizeClass])
            #expect(address(again) == storage)
        }
    }

    @Test("a frame larger than every class has the room that it needs, alone and behind others", arguments: [0, 1, 200_000])
    func outgrown(_ before: Int) {
        var pool = BlockPool()
        var outbound = Outbound()
        var expected = ByteBuffer()
        for (value, count) in zip(UInt8(1)...3, [before, BlockPool.largest + 1, 5 << 20]) {
            outbound.append(count, pool: &pool) { $0.initializeMemory(as: UInt8.self, repeating: value, count: count) }
            expected.writeRepeatingByte(value, count: count)
        }
        #expect(outbound.bytes == expected.readableBytes)
        let isSame = outbound.takeHeld().reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) } == expected
        #expect(isSame)
    }

    @Test("S13: what the pool keeps is bounded")
    func bounded() {
        var pool = BlockPool()
        let most = BlockPool.retained / BlockPool.largest
        var blocks = (0..<(most + 10)).map { _ in pool.take(2) }
        let first = Set(blocks.prefix(most).map(address))
        // Held on to, so that no new block can lie where those lay that the pool refuses.
        let refused = Array(blocks.suffix(10))
        blocks.reverse()
        while let block = blocks.popLast() { pool.give(block) }
        let again = (0..<(most + 10)).map { _ in pool.take(2) }
        #expect(again.count { first.contains(address($0)) } == most)
        #expect(refused.allSatisfy { !first.contains(address($0)) })
    }

    @Test("a block longer than every class is lent again, whole, also when a slice of it came back")
    func long() {
        var pool = BlockPool()
        var block = lengthened(&pool, 1 << 20)
        let storage = address(block)
        var slice = block.readSlice(length: 300_000)
        pool.give(consume block)
        let other = lengthened(&pool, 1 << 20)
        #expect(address(other) != storage, "a slice of it is still in use")
        if let slice = slice.take() { pool.give(consume slice) }
        let again = lengthened(&pool, 1 << 20)
        #expect(address(again) == storage)
        #expect(again.readerIndex == 0 && again.readableBytes == 1 << 20)
    }

    @Test("S15: what is only claimed gets a long block that is there anyway, once more than a small one is filled; else none is allocated")
    func claimed() {
        var pool = BlockPool()
        var claim = ByteBuffer()
        pool.grow(&claim, by: 60_000, expected: 1 << 20)
        #expect(claim.capacity == 131_072)
        pool.give(lengthened(&pool, 1 << 20))
        var small = ByteBuffer()
        pool.grow(&small, by: 20_000, expected: 1 << 20)
        #expect(small.capacity == 32_768)
        claim.writeRepeatingByte(7, count: 60_000)
        pool.grow(&claim, by: 60_000 + 131_072, expected: 1 << 20)
        #expect(claim.capacity >= 1 << 20 && claim.readableBytes == 60_000)
        let isSame = claim.readableBytesView.allSatisfy { $0 == 7 }
        #expect(isSame)
    }

    @Test("S13: what the pool keeps of long blocks is bounded")
    func longBounded() {
        var pool = BlockPool()
        let most = BlockPool.retainedLong >> 20
        var blocks = (0..<most + 5).map { _ in lengthened(&pool, 1 << 20) }
        while let block = blocks.popLast() { pool.give(block) }
        // For a claim there is a long block only where one is kept.
        let lent = (0..<most + 5).map { _ in
            var claim = ByteBuffer()
            pool.grow(&claim, by: 40_000, expected: 1 << 20)
            return claim
        }
        #expect(lent.count { $0.capacity == 1 << 20 } == most)
    }

    @Test("long blocks of a size that is not asked for any more make room for others")
    func longForgotten() {
        var pool = BlockPool()
        var blocks = (0..<BlockPool.retainedLong >> 20).map { _ in lengthened(&pool, 1 << 20) }
        blocks.append(lengthened(&pool, 4 << 20))
        blocks.reverse()
        while let block = blocks.popLast() { pool.give(block) }
        var claim = ByteBuffer()
        pool.grow(&claim, by: 40_000, expected: 4 << 20)
        #expect(claim.capacity == 4 << 20)
    }

    /// A block with that many bytes in it, which are more than fit any class.
    private func lengthened(_ pool: inout BlockPool, _ count: Int) -> ByteBuffer {
        var block = ByteBuffer()
        pool.grow(&block, by: count)
        block.writeRepeatingByte(1, count: count)
        return block
    }

    @Test("growing keeps the bytes and makes the room")
    func grow() {
        var pool = BlockPool()
        var block = ByteBuffer()
        var expected: [UInt8] = []
        for count in [10, 4_000, 100, 28_000, 5_000, 200_000] {
            if block.writableBytes < count { pool.grow(&block, by: count) }
            #expect(block.writableBytes >= count)
            let bytes = [UInt8](repeating: UInt8(count % 251), count: count)
            block.writeBytes(bytes)
            expected += bytes
            #expect(BlockPool.sizes.contains(block.capacity))
        }
        let isSame = block.readableBytesView.elementsEqual(expected)
        #expect(isSame)
    }

    private func address(_ block: ByteBuffer) -> UInt { block.withVeryUnsafeBytes { UInt(bitPattern: $0.baseAddress) } }
}
