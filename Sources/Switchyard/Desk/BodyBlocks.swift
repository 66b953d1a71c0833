import NIOCore

/// Memory for the bodies of packets on their way to handlers. Each is copied behind the one before it and lent as a slice, so that a body that
/// is kept for long pins a small block and not a whole read.
///
/// Bytes are copied through a plain pointer: a `ByteBuffer` checks its storage at each access, which for a small body costs more than the copy.
struct BodyBlocks {
    /// Bytes of a block. A larger body has memory of its own.
    static let size = 8 << 10

    /// A block is used again when nobody holds a slice of it.
    private let isUsedAgain: Bool
    /// Readable to its end, so that slices can be taken anywhere.
    private var block = ByteBuffer()
    /// Where the next body goes in the memory of ``block``; moves only in ``renew()``. Slices that others hold lie before it.
    private var cursor: UnsafeMutableRawPointer?
    private var used = BodyBlocks.size

    init(isUsedAgain: Bool) { self.isUsedAgain = isUsedAgain }

    /// A copy of `body`.
    @inline(__always)
    mutating func copy(_ body: UnsafeRawBufferPointer) -> ByteBuffer {
        if body.count > BodyBlocks.size - used {
            guard body.count <= BodyBlocks.size else { return ByteBuffer(bytes: body) }
            renew()
        }
        guard let start = body.baseAddress, let cursor else { return ByteBuffer() }
        cursor.copyMemory(from: start, byteCount: body.count)
        let offset = used
        used += body.count
        self.cursor = cursor + body.count
        // Guard: that much was free behind `offset`.
        return block.getSlice(at: offset, length: body.count).unsafelyUnwrapped
    }

    /// Whether the byte at `address` is one that is lent from the block in use.
    func holds(_ address: UnsafeRawPointer?) -> Bool {
        guard let address, let cursor else { return false }
        return address < UnsafeRawPointer(cursor) && address >= UnsafeRawPointer(cursor - used)
    }

    /// The block again from its start, or another one.
    private mutating func renew() {
        if isUsedAgain, block.capacity > 0 { block.clear() } else { block = ByteBufferAllocator().buffer(capacity: BodyBlocks.size) }
        block.moveWriterIndex(to: BodyBlocks.size)
        cursor = block.withVeryUnsafeMutableBytes { $0.baseAddress }
        used = 0
    }
}
