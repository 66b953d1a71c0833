import Membership

/// Finds an edge's registration by its ES id: open addressing, at most half full, so a look-up is one or two reads.
///
/// `@unchecked Sendable`: immutable.
final class EdgeIndex: @unchecked Sendable {
    struct Entry {
        /// 0: free. 0 is no ES id.
        var es: UInt32 = 0
        var slot: UInt32 = 0
    }

    /// Trivial; valid as long as the index.
    struct View {
        let entries: UnsafePointer<Entry>
        let mask: Int

        /// The slot of that edge, or nil when it is not registered (or drains).
        @inline(__always)
        func find(_ es: UInt32) -> Int? {
            guard es != 0 else { return nil }
            var at = EdgeIndex.start(es) & mask
            while true {
                let entry = entries[at]
                if entry.es == es { return Int(entry.slot) }
                if entry.es == 0 { return nil }
                at = (at + 1) & mask
            }
        }
    }

    let view: View
    private let memory: UnsafeMutableBufferPointer<Entry>

    init(_ edges: [Entry]) {
        var size = 8
        while size < edges.count * 2 { size *= 2 }
        var entries = [Entry](repeating: Entry(), count: size)
        for edge in edges {
            var at = EdgeIndex.start(edge.es) & (size - 1)
            while entries[at].es != 0 { at = (at + 1) & (size - 1) }
            entries[at] = edge
        }
        memory = .copy(of: entries)
        view = View(entries: UnsafePointer(memory.baseAddress!), mask: size - 1)
    }

    deinit { memory.deallocate() }

    /// Neighbouring ids must not make one long run.
    @inline(__always)
    private static func start(_ es: UInt32) -> Int { Int((es &* 0x9E37_79B1) >> 7) }
}
