import DequeModule
import NIOCore
import Wire

/// Packets of one route on one loop that wait for an upstream, in the order in which they came (rule S4).
struct WaitingPackets {
    struct Entry {
        let since: NIODeadline
        let deadline: NIODeadline
        let header: PacketHeader
        let body: ByteBuffer
        /// A SESSION_CLOSED, which nobody is answered for.
        let isNotice: Bool
    }

    private var entries: Deque<Entry> = []
    private(set) var bytes = 0

    var count: Int { entries.count }
    /// Since when the oldest waits.
    var oldest: NIODeadline? { entries.first?.since }
    var isEmpty: Bool { entries.isEmpty }
    var nextDeadline: NIODeadline? { entries.first?.deadline }

    mutating func append(_ entry: Entry) {
        entries.append(entry)
        bytes += entry.header.length
    }

    mutating func popFirst() -> Entry? {
        guard let entry = entries.popFirst() else { return nil }
        bytes -= entry.header.length
        return entry
    }

    /// The first whose wait has ended.
    mutating func popExpired(now: NIODeadline) -> Entry? {
        guard let first = entries.first, first.deadline <= now else { return nil }
        return popFirst()
    }
}
