public import NIOCore

/// The head of an entry in a batch: what one event loop hands to another, entries packed one behind the other.
///
/// Never leaves the process; integers are in the machine's order.
@usableFromInline
package protocol BatchEntry {
    /// The bytes of a head.
    static var size: Int { get }
    /// The bytes that follow it.
    var count: Int { get }
    /// Nil for what ``store(to:)`` did not write.
    init?(at bytes: UnsafeRawPointer)
    func store(to bytes: UnsafeMutableRawPointer)
}

extension ByteBuffer {
    /// Packs an entry behind those that are here; `fill` writes its ``BatchEntry/count`` bytes.
    @inlinable
    @inline(__always)
    package mutating func pack<Entry: BatchEntry>(_ entry: Entry, _ fill: (UnsafeMutableRawPointer) -> Void) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: Entry.size + entry.count) { bytes in
            // Guard: at least the entry's bytes are writable, so a base address exists.
            let base = bytes.baseAddress!
            entry.store(to: base)
            fill(base + Entry.size)
            return Entry.size + entry.count
        }
    }

    /// Each entry in its order, with the address of its bytes.
    @inlinable
    @inline(__always)
    package func unpack<Entry: BatchEntry>(_ entries: Entry.Type = Entry.self, _ body: (Entry, UnsafeRawPointer) -> Void) {
        withUnsafeReadableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            var offset = 0
            // Guard: a batch holds whole entries only.
            while bytes.count - offset >= Entry.size, let entry = Entry(at: base + offset) {
                offset += Entry.size
                body(entry, base + offset)
                offset += entry.count
            }
        }
    }
}
