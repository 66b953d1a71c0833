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
