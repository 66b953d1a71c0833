package import DequeModule
package import NIOCore

/// What waits to be written on one link: the block that the socket is taking, blocks that are full, and the one being filled.
///
/// The block that NIO writes stays referenced here until it is gone, because NIO does not tell on close how far a write came (S2).
package struct Outbound {
    /// Frames queued here that the socket has not been given. While frames are added its writer index lags behind ``cursor``.
    private(set) var tail = ByteBuffer()
    /// Where the next frame goes in the memory of ``tail``, and how many bytes are free there: a `ByteBuffer` that is asked for each frame checks its
    /// storage each time, which costs as much as writing a small frame. Nobody else holds that storage, and it moves only in ``makeRoom(_:pool:)``.
    @usableFromInline var cursor: UnsafeMutableRawPointer?
    @usableFromInline var room = 0
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
        settle()
        growTail(count, pool: &pool)
        room = tail.writableBytes
        let end = tail.writerIndex
        cursor = tail.withVeryUnsafeMutableBytes { memory in memory.baseAddress.map { $0 + end } }
    }

    /// Lets ``tail`` know what has been written into it.
    private mutating func settle() { tail.moveWriterIndex(forwardBy: tail.writableBytes - room) }

    /// Takes the last block away, if anything is in it.
    private mutating func takeTail() -> ByteBuffer? {
        settle()
        guard tail.readableBytes > 0 else { return nil }
        (cursor, room) = (nil, 0)
        // Exchanged, so that no reference to the block is counted on the way.
        var block = ByteBuffer()
        swap(&block, &tail)
        return block
    }

    private mutating func growTail(_ count: Int, pool: inout BlockPool) {
        let used = tail.readableBytes
        if used > 0, used + count > BlockPool.largest {
            full.append(tail)
            tail = pool.take(BlockPool.sizes.count - 1)
            if count > BlockPool.largest { pool.grow(&tail, by: count) }
            return
        }
        hint = BlockPool.sizeClass(for: used + count, hint: used == 0 ? hint : 0)
        pool.grow(&tail, by: count, hint: hint)
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
        // A link whose bursts have become small again goes back to small blocks.
        if hint > 0, inSocketBlock * 4 < BlockPool.sizes[hint - 1] { hint -= 1 }
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
