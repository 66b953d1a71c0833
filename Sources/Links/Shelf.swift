import NIOCore

/// A block of outbound or inbound bytes, and where its memory is: a `ByteBuffer` that is asked for that checks its storage each time.
struct Block {
    var buffer: ByteBuffer
    /// Guard: the buffer's own, as long as nobody makes it grow.
    let base: UnsafeMutableRawPointer

    /// nil for a buffer without memory.
    init?(_ buffer: consuming ByteBuffer) {
        guard let base = buffer.withVeryUnsafeMutableBytes({ $0.baseAddress }) else { return nil }
        self.base = base
        self.buffer = buffer
    }
}

/// Blocks of one size that wait to be lent, in plain memory: an array asks at each change whether it is shared.
///
/// Guard: whoever holds it calls ``deallocate()`` at the end.
struct Shelf {
    /// Bytes of each block.
    let size: Int
    private let most: Int
    private var count = 0
    private var blocks: UnsafeMutablePointer<Block>?

    /// - Parameter retained: bytes that it keeps.
    init(size: Int, retained: Int) {
        self.size = size
        most = retained / size
    }

    mutating func take() -> Block? {
        guard count > 0, let blocks else { return nil }
        count -= 1
        return (blocks + count).move()
    }

    /// Keeps an empty block of its size, or lets it go when it has enough.
    mutating func put(_ block: consuming Block) {
        guard count < most else { return }
        if blocks == nil { blocks = .allocate(capacity: most) }
        guard let blocks else { return }
        (blocks + count).initialize(to: block)
        count += 1
    }

    var isFull: Bool { count == most }

    func deallocate() {
        blocks?.deinitialize(count: count)
        blocks?.deallocate()
    }
}
