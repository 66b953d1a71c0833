import NIOCore

/// Memory for the bodies of packets on their way to inline handlers, most of which come back at once.
///
/// To lend a slice of a block counts a reference up, and to let it go counts it down: two locked instructions, which were a sixth of what an inline
/// echo costs. So where handlers answer with the body that they were given, the body is a buffer of its own that is handed over and taken back
/// whole, and counts none. Whoever keeps one keeps it: it is used again only when nobody else holds it.
struct InlineBodies {
    /// Bodies in a row that come back before one more buffer is made for them: handlers that keep what they get are given slices.
    private static let patience = 64
    /// A larger buffer that a handler answers with is not kept.
    var largest = 64 << 10

    private var blocks = BodyBlocks(isUsedAgain: true)
    /// The buffer that goes to and fro, while it is here: at least ``BodyBlocks/size`` bytes.
    private var buffer: ByteBuffer?
    /// Where the memory of ``buffer`` begins, and how much of it is the buffer's own.
    private var start: UnsafeMutableRawPointer?
    private var capacity = 0
    /// Bodies taken back, modulo 256.
    private var returned: UInt8 = 0
    private var cameBack = 0

    /// A copy of `body`.
    @inline(__always)
    mutating func copy(_ body: UnsafeRawBufferPointer) -> ByteBuffer {
        if body.count <= BodyBlocks.size, let filled = fill(body) { return filled }
        return slice(body)
    }

    @inline(never)
    private mutating func slice(_ body: UnsafeRawBufferPointer) -> ByteBuffer { blocks.copy(body) }

    @inline(__always)
    private mutating func fill(_ body: UnsafeRawBufferPointer) -> ByteBuffer? {
        guard var lent = buffer.take(), let start, let bytes = body.baseAddress else { return nil }
        let isAlone: Void? = lent.modifyIfUniquelyOwned { lent in
            // Guard: it is this buffer's alone, so its memory is where it was, and has room for a block.
            start.copyMemory(from: bytes, byteCount: body.count)
            lent.moveReaderIndex(to: 0)
            lent.moveWriterIndex(to: body.count)
        }
        return isAlone == nil ? nil : lent
    }

    /// A handler has answered with `body`, whose first readable byte stands at `address`, and it is on its way.
    @inline(__always)
    mutating func takeBack(_ body: consuming ByteBuffer, at address: UnsafeRawPointer?) {
        returned &+= 1
        // Guard: `capacity` bytes from `start` on are the body's own, whether or not it is the one that was lent. Should they be a part of
        // something larger, which only its storage knows, and to ask that is a checked access (75 instructions), then one look in 256 finds out.
        let isKnown = returned != 0 && body.capacity == capacity && address.map { $0 - body.readerIndex } == start.map { UnsafeRawPointer($0) }
        if isKnown || isFit(body, address) {
            buffer = consume body
        } else {
            considerOne(address)
        }
    }

    /// Whether `body` is a buffer to keep; where its memory begins is noted.
    @inline(never)
    private mutating func isFit(_ body: borrowing ByteBuffer, _ address: UnsafeRawPointer?) -> Bool {
        guard let address, body.capacity >= BodyBlocks.size, body.storageCapacity <= largest else { return false }
        start = UnsafeMutableRawPointer(mutating: address) - body.readerIndex
        capacity = body.capacity
        return true
    }

    /// What came back was a slice, or the handler's own.
    private mutating func considerOne(_ address: UnsafeRawPointer?) {
        guard blocks.holds(address) else {
            cameBack = 0
            return
        }
        cameBack += 1
        guard cameBack >= InlineBodies.patience else { return }
        cameBack = 0
        var fresh = ByteBufferAllocator().buffer(capacity: BodyBlocks.size)
        start = fresh.withVeryUnsafeMutableBytes { $0.baseAddress }
        capacity = fresh.capacity
        buffer = fresh
    }
}
