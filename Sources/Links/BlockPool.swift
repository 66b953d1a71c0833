package import NIOCore

/// The outbound blocks of one event loop: four fixed sizes, so that a busy link never reallocates and an idle one holds nothing.
///
/// A block is lent to a link from its first queued frame until the socket has taken it. The pool keeps what comes back, up to
/// ``retained`` bytes of each size; in steady state nothing is allocated. Frames that are longer than every class have blocks of their own, of
/// which it keeps ``retainedLong`` bytes.
@usableFromInline
package struct BlockPool: ~Copyable {
    /// Bytes of a block of each class. The largest is the most that is handed to the socket at once (rule S2: at most 256 KiB).
    package static let sizes = [4 << 10, 32 << 10, 128 << 10, 256 << 10]
    package static let largest = 256 << 10
    /// Bytes kept of each class.
    static let retained = 8 << 20

    private let shelves = UnsafeMutablePointer<Shelf>.allocate(capacity: BlockPool.sizes.count)
    /// Longer ones, for frames that are longer than every class: the last that came back at the end.
    private var long: [ByteBuffer] = []
    private var longBytes = 0
    /// Bytes kept of those: one of the longest frames that the defaults allow, or eight of a mebibyte.
    static let retainedLong = 16 << 20
    private let allocator = ByteBufferAllocator()

    package init() {
        for (index, size) in BlockPool.sizes.enumerated() {
            (shelves + index).initialize(to: Shelf(size: size, retained: BlockPool.retained))
        }
    }

    deinit {
        for index in BlockPool.sizes.indices { shelves[index].deallocate() }
        shelves.deallocate()
    }

    /// The smallest class that holds `count` bytes, no lower than `hint`.
    package static func sizeClass(for count: Int, hint: Int = 0) -> Int {
        var index = hint
        while index < sizes.count - 1, sizes[index] < count { index += 1 }
        return index
    }

    /// An empty block of that class.
    package mutating func take(_ sizeClass: Int) -> ByteBuffer {
        shelves[sizeClass].take()?.buffer ?? allocator.buffer(capacity: BlockPool.sizes[sizeClass])
    }

    /// The same, for whoever writes into its memory and says so to nobody; it comes back by ``putBack(_:of:)``.
    mutating func lend(_ sizeClass: Int) -> Block? {
        shelves[sizeClass].take() ?? Block(allocator.buffer(capacity: BlockPool.sizes[sizeClass]))
    }

    /// Takes back what was lent, and nobody else has seen.
    mutating func putBack(_ block: consuming Block, of sizeClass: Int) { shelves[sizeClass].put(block) }

    /// Bytes of a block of that class.
    func size(of sizeClass: Int) -> Int { shelves[sizeClass].size }

    /// Replaces `block` by a larger one with the same bytes and room for `count` more, starting no lower than class `hint`.
    /// - Parameter expected: how long it is said to become. Nothing is allocated for what is only said, but a long block that is there
    ///   anyway is lent for it, once there are more bytes than fit a small one.
    package mutating func grow(_ block: inout ByteBuffer, by count: Int, hint: Int = 0, expected: Int = 0) {
        let needed = block.readableBytes + count
        if max(needed, expected) > BlockPool.largest, needed > BlockPool.sizes[1], lengthen(&block, to: max(needed, expected)) { return }
        guard needed <= BlockPool.largest else { return block.reserveCapacity(minimumWritableBytes: count) }
        var larger = take(BlockPool.sizeClass(for: needed, hint: hint))
        // The usual case: the first frame of a turn, and no block yet.
        guard block.capacity > 0 else {
            block = larger
            return
        }
        larger.writeImmutableBuffer(block)
        swap(&larger, &block)
        give(larger)
    }

    /// Puts a long block that has been kept in the place of `block`: memory that is given back to the system and taken again costs a fault for
    /// each page, which was a quarter of the time of a long frame.
    /// - Returns: false when there is none of that capacity.
    private mutating func lengthen(_ block: inout ByteBuffer, to capacity: Int) -> Bool {
        guard let index = long.lastIndex(where: { $0.capacity >= capacity }) else { return false }
        var longer = long.remove(at: index)
        longBytes -= longer.capacity
        longer.writeImmutableBuffer(block)
        swap(&longer, &block)
        give(longer)
        return true
    }

    private mutating func giveLong(_ block: consuming ByteBuffer) {
        guard block.storageCapacity <= BlockPool.retainedLong else { return }
        // It may be shared: by what was read out of it, or, as a slice, by whoever read it.
        guard block.modifyIfUniquelyOwned({ $0.clear() }) != nil else { return }
        // The oldest goes: it is of a size that is not asked for any more, or one too many.
        while longBytes + block.capacity > BlockPool.retainedLong { longBytes -= long.removeFirst().capacity }
        longBytes += block.capacity
        long.append(block)
    }

    /// Takes a block back. The caller holds the only reference, else its storage is left to the other holder.
    package mutating func give(_ block: consuming ByteBuffer) {
        if block.storageCapacity > BlockPool.largest { return giveLong(block) }
        guard let sizeClass = BlockPool.sizes.firstIndex(of: block.capacity), !shelves[sizeClass].isFull else { return }
        block.clear()
        if let block = Block(block) { putBack(block, of: sizeClass) }
    }
}
