package import NIOCore

/// The outbound blocks of one event loop: four fixed sizes, so that a busy link never reallocates and an idle one holds nothing.
///
/// A block is lent to a link from its first queued frame until the socket has taken it. The pool keeps what comes back, up to
/// ``retained`` bytes of each size; in steady state nothing is allocated.
package struct BlockPool {
    /// Bytes of a block of each class. The largest is the most that is handed to the socket at once (rule S2: at most 256 KiB).
    package static let sizes = [4 << 10, 32 << 10, 128 << 10, 256 << 10]
    package static let largest = 256 << 10
    /// Bytes kept of each class.
    static let retained = 8 << 20

    private var free: [[ByteBuffer]] = [[], [], [], []]
    private let allocator = ByteBufferAllocator()

    package init() {}

    /// The smallest class that holds `count` bytes, no lower than `hint`.
    package static func sizeClass(for count: Int, hint: Int = 0) -> Int {
        var index = hint
        while index < sizes.count - 1, sizes[index] < count { index += 1 }
        return index
    }

    /// An empty block of that class.
    package mutating func take(_ sizeClass: Int) -> ByteBuffer {
        free[sizeClass].popLast() ?? allocator.buffer(capacity: BlockPool.sizes[sizeClass])
    }

    /// Replaces `block` by a larger one with the same bytes and room for `count` more, starting no lower than class `hint`. What outgrows
    /// the largest class leaves the pool and is grown by the allocator, which moves pages instead of bytes.
    package mutating func grow(_ block: inout ByteBuffer, by count: Int, hint: Int = 0) {
        guard block.readableBytes + count <= BlockPool.largest else { return block.reserveCapacity(minimumWritableBytes: count) }
        var larger = take(BlockPool.sizeClass(for: block.readableBytes + count, hint: hint))
        // The usual case: the first frame of a turn, and no block yet.
        guard block.capacity > 0 else {
            block = larger
            return
        }
        larger.writeImmutableBuffer(block)
        swap(&larger, &block)
        give(larger)
    }

    /// Takes a block back. The caller holds the only reference, else its storage is left to the other holder.
    package mutating func give(_ block: consuming ByteBuffer) {
        guard let sizeClass = BlockPool.sizes.firstIndex(where: { $0 >= block.capacity }),
            free[sizeClass].count * BlockPool.sizes[sizeClass] < BlockPool.retained,
            BlockPool.sizes[sizeClass] == block.capacity
        else { return }
        block.clear()
        free[sizeClass].append(block)
    }
}
