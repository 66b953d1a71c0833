import NIOCore
import Wire

/// Pushes to a user that went to several loops: who was reached is known when each has told.
struct PendingPushes {
    struct Push {
        let header: PacketHeader
        let quote: ByteBuffer
        let connection: Connection
    }

    private struct Open {
        let push: Push
        var delivered: Int
        var answersDue: Int
    }

    private var open: [UInt64: Open] = [:]
    private var lastTicket: UInt64 = 0

    /// Notes a push; the returned ticket comes back with each loop's count.
    mutating func open(_ push: Push, delivered: Int, answersDue: Int) -> UInt64 {
        lastTicket += 1
        open[lastTicket] = Open(push: push, delivered: delivered, answersDue: answersDue)
        return lastTicket
    }

    /// One loop's count. Returns the push when it was the last, and nobody was reached.
    mutating func record(ticket: UInt64, delivered: Int) -> Push? {
        guard var entry = open.removeValue(forKey: ticket) else { return nil }
        entry.delivered += delivered
        entry.answersDue -= 1
        guard entry.answersDue == 0 else {
            open[ticket] = entry
            return nil
        }
        return entry.delivered == 0 ? entry.push : nil
    }
}
