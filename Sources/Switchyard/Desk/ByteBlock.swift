/// Bytes in a block that grows, with nothing around it: a `ByteBuffer` checks its storage at every access, which for a small reply costs as much
/// as writing it.
///
/// `@unchecked Sendable`: whoever holds it guards it.
final class ByteBlock: @unchecked Sendable {
    @exclusivity(unchecked) private(set) var count = 0
    @exclusivity(unchecked) private var base: UnsafeMutableRawPointer
    @exclusivity(unchecked) private(set) var capacity: Int

    /// Bytes of a new block.
    private static let initial = 4 << 10

    init() {
        capacity = ByteBlock.initial
        base = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    /// Adds `size` bytes, which `fill` writes.
    @inline(__always)
    func append(_ size: Int, _ fill: (UnsafeMutableRawPointer) -> Void) {
        if capacity - count < size { grow(size) }
        fill(base + count)
        count += size
    }

    private func grow(_ size: Int) {
        while capacity - count < size { capacity *= 2 }
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = larger
    }

    /// What is in it; valid until the next change.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    func clear() { count = 0 }
}
