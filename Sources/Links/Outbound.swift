package import DequeModule
package import NIOCore

/// What waits to be written on one link: the block that the socket is taking, blocks that are full, and the one being filled.
///
/// The block that NIO writes stays referenced here until it is gone, because NIO does not tell on close how far a write came (S2).
@usableFromInline
package struct Outbound {
    /// Frames queued here that the socket has not been given: the block's memory up to ``cursor``. Nobody else holds it.
    private var tail: Block?
    /// Where the next frame goes in the memory of ``tail``, and how many bytes are free there.
    @usableFromInline var cursor: UnsafeMutableRawPointer?
    @usableFromInline var room = 0
    /// Where that memory begins.
    private var start: UnsafeMutableRawPointer?
    /// The class of ``tail``; -1 for one of its own size.
    private var sizeClass = 0
    /// Full blocks, oldest first; they go before ``tail``.
    package var full: Deque<ByteBuffer> = []
    /// The block that the socket is taking.
    package var writing: ByteBuffer?
    /// Every byte that the socket has not taken yet.
    @usableFromInline package var bytes = 0
    /// Bytes in ``writing``, counted in ``bytes`` until the socket has taken them all.
    package private(set) var inSocketBlock = 0
    /// The class that the last turn's block had grown to: the next one starts there.
    private var hint = 0

    package init() {}

    /// Adds `count` bytes, which `fill` writes.
    @inlinable
    @inline(__always)
    package mutating func append(_ count: Int, pool: inout BlockPool, _ fill: (UnsafeMutableRawPointer) -> Void) {
        if room < count || cursor == nil { makeRoom(count, pool: &pool) }
        // Guard: room has been made, so there is a cursor.
        let end = cursor.unsafelyUnwrapped
        fill(end)
        cursor = end + count
        room -= count
        bytes += count
    }

    /// Makes sure that `count` more bytes fit ``tail``: a larger block, or a new one behind a full one.
    @usableFromInline
    mutating func makeRoom(_ count: Int, pool: inout BlockPool) {
        let used = inTail
        if used > 0, used + count > BlockPool.largest {
            if let block = takeTail() { full.append(block) }
            return lend(count, sizeClass: BlockPool.sizes.count - 1, pool: &pool)
        }
        let wanted = used == 0 && count <= pool.size(of: hint) ? hint : BlockPool.sizeClass(for: used + count, hint: used == 0 ? hint : 0)
        hint = wanted
        guard used > 0, let smaller = tail.take(), let old = start else { return lend(count, sizeClass: wanted, pool: &pool) }
        let outgrown = sizeClass
        lend(count, sizeClass: wanted, pool: &pool)
        cursor?.copyMemory(from: old, byteCount: used)
        advance(used)
        pool.putBack(smaller, of: outgrown)
    }

    /// Begins an empty ``tail``.
    private mutating func lend(_ count: Int, sizeClass wanted: Int, pool: inout BlockPool) {
        if count <= BlockPool.largest {
            tail = pool.lend(wanted)
            (sizeClass, room) = (wanted, pool.size(of: wanted))
        } else {
            var long = ByteBuffer()
            pool.grow(&long, by: count)
            (sizeClass, room) = (-1, long.capacity)
            tail = Block(long)
        }
        start = tail?.base
        cursor = start
    }

    private mutating func advance(_ count: Int) {
        cursor = cursor.map { $0 + count }
        room -= count
    }

    /// Bytes in ``tail``.
    private var inTail: Int {
        guard let start, let cursor else { return 0 }
        return cursor - start
    }

    /// Bytes of the block that is being filled; 0 without one.
    var blockSize: Int { tail == nil ? 0 : inTail + room }

    private mutating func dropTail() -> Block? {
        (start, cursor, room) = (nil, nil, 0)
        return tail.take()
    }

    /// Takes the last block away, if anything is in it.
    private mutating func takeTail() -> ByteBuffer? {
        let count = inTail
        guard count > 0, var buffer = dropTail()?.buffer else { return nil }
        buffer.moveWriterIndex(forwardBy: count)
        return buffer
    }

    // MARK: - The short way

    /// All that waits, where it is one block of the pool, which is most often so; nil else. The memory is good until the next change.
    var short: UnsafeRawBufferPointer? {
        guard bytes > 0, sizeClass >= 0, inTail == bytes else { return nil }
        return UnsafeRawBufferPointer(start: start, count: bytes)
    }

    /// The socket has taken ``short``.
    mutating func finishShort(pool: inout BlockPool) {
        shrinkHint(bytes)
        bytes = 0
        if let block = dropTail() { pool.putBack(block, of: sizeClass) }
    }

    /// A link whose bursts have become small again goes back to small blocks.
    private mutating func shrinkHint(_ count: Int) {
        if hint > 0, count * 4 < BlockPool.sizes[hint - 1] { hint -= 1 }
    }

    /// Queues memory that is not of the pool behind all that waits.
    package mutating func append(sharing buffer: ByteBuffer) {
        if let block = takeTail() { full.append(block) }
        full.append(buffer)
        bytes += buffer.readableBytes
    }

    /// Moves the oldest block to ``writing``; false when nothing waits.
    package mutating func startBlock() -> Bool {
        writing = full.popFirst() ?? takeTail()
        inSocketBlock = writing?.readableBytes ?? 0
        guard inSocketBlock > 0 else { return false }
        shrinkHint(inSocketBlock)
        return true
    }

    /// Shows ``writing``. Mutating, because whoever only reads would take a copy, and with it a reference to every block.
    mutating func withBlock(_ body: (UnsafeRawBufferPointer) -> Int) -> Int { writing?.withUnsafeReadableBytes(body) ?? 0 }

    /// What is left of ``writing`` when the socket has taken `count` bytes of it.
    func rest(behind count: Int) -> ByteBuffer {
        guard var rest = writing else { return ByteBuffer() }
        rest.moveReaderIndex(forwardBy: count)
        return rest
    }

    /// The socket has taken all of ``writing``: its block goes back to the pool. Returns how many bytes that were.
    package mutating func finishBlock(pool: inout BlockPool) -> Int {
        let count = inSocketBlock
        bytes -= count
        inSocketBlock = 0
        if let block = writing.take() { pool.give(block) }
        return count
    }

    /// The same of a link that goes on.
    package mutating func takeBack() -> [ByteBuffer] {
        let held = takeHeld()
        bytes -= held.reduce(0) { $0 + $1.readableBytes }
        return held
    }

    /// Takes away everything of which the socket has been given nothing, oldest first: for a link that has died.
    package mutating func takeHeld() -> [ByteBuffer] {
        var held: [ByteBuffer] = []
        while let block = full.popFirst() { held.append(block) }
        if let block = takeTail() { held.append(block) }
        return held
    }
}

/// What a link still held when it died (rule S2), oldest byte first.
package struct Remains {
    /// The block that the socket was taking: its packets may have arrived.
    package var writing: ByteBuffer?
    /// Blocks of which no byte was written.
    package var held: [ByteBuffer]
    /// Bytes that the socket had been given, over the link's life, before ``held`` begins.
    package var heldOffset: Int
}
