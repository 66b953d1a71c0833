package import NIOCore

/// How far an owner came through the bytes that it was given.
package struct Consumed: Equatable {
    /// Bytes that are done with.
    package var bytes: Int
    /// The size of the frame that starts behind them, as far as it is known (a header's size while that is incomplete), or ``more``.
    package var needed: Int

    /// Stands for a size: the owner wants to look at whatever comes next.
    package static let more = 0

    @inlinable
    package init(bytes: Int, needed: Int) {
        self.bytes = bytes
        self.needed = needed
    }
}

/// The frame that a read cut in two. Only that one frame is ever copied; all others are read where the socket put them.
///
/// Its block grows with bytes received, never with a claim (rule S15), and goes back to the pool when the frame is whole.
package struct Inbound {
    private var partial = ByteBuffer()
    private var needed = 0

    package init() {}

    package var isEmpty: Bool { partial.readableBytes == 0 }
    package var count: Int { partial.readableBytes }

    /// Moves bytes off the front of `rest` into the cut frame until that has all the bytes known to be needed.
    /// Returns whether it has them.
    package mutating func complete(from rest: inout Slice<UnsafeRawBufferPointer>, pool: inout BlockPool) -> Bool {
        let isOpenEnded = needed == Consumed.more
        let missing = rest.prefix(isOpenEnded ? rest.count : max(needed - partial.readableBytes, 0))
        append(missing, expected: needed, pool: &pool)
        rest = rest.dropFirst(missing.count)
        return isOpenEnded ? !missing.isEmpty : partial.readableBytes >= needed
    }

    /// The bytes of the cut frame that have come.
    package var frame: ByteBuffer { partial }

    /// The owner has looked at ``frame``.
    package mutating func consumed(_ result: Consumed, pool: inout BlockPool) {
        partial.moveReaderIndex(forwardBy: result.bytes)
        // Whatever an owner asks for, it is not asked again before something has come.
        needed = next(result.needed)
        if isEmpty { clear(pool: &pool) }
    }

    /// Keeps what is left of a read: the start of a frame.
    package mutating func keep(_ rest: Slice<UnsafeRawBufferPointer>, needed: Int, pool: inout BlockPool) {
        append(rest, expected: needed, pool: &pool)
        self.needed = next(needed)
    }

    private func next(_ needed: Int) -> Int { needed == Consumed.more ? needed : max(needed, partial.readableBytes + 1) }

    package mutating func clear(pool: inout BlockPool) {
        let block = partial
        partial = ByteBuffer()
        pool.give(block)
    }

    private mutating func append(_ bytes: Slice<UnsafeRawBufferPointer>, expected: Int, pool: inout BlockPool) {
        if partial.writableBytes < bytes.count { pool.grow(&partial, by: bytes.count, expected: expected) }
        partial.writeBytes(UnsafeRawBufferPointer(rebasing: bytes))
    }
}
