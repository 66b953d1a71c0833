import DequeModule
import Routing

/// Calls that wait for a connection, first come first served (rule S22): one line for all servers, and one for each server that alone may
/// take its calls (`hash`). Bounded; each has a deadline. Pure.
package struct WaitingCalls<Call> {
    package struct Entry {
        package var call: Call
        /// The tick by which it is given up.
        package var deadline: Int
        /// The only server that may take it.
        package var server: Int?

        package init(_ call: Call, deadline: Int, server: Int?) {
            self.call = call
            self.deadline = deadline
            self.server = server
        }
    }

    private var entries: Pending<Entry>
    /// The order; a number whose call is gone is passed over.
    private var shared: Deque<UInt64> = []
    private var byServer: [Int: Deque<UInt64>] = [:]

    /// - Parameter limit: calls that may wait at once.
    package init(limit: Int) { entries = Pending(.wide, limit: limit) }

    package var count: Int { entries.count }
    package var isEmpty: Bool { entries.isEmpty }
    /// Numbers in the common line, those passed over included.
    var lineLength: Int { shared.count }
    package var isFull: Bool { entries.isFull }
    /// Nothing is due before this tick; ``Pending/never`` while nothing waits.
    package var nextDue: Int { entries.nextDue }

    /// - Returns: what ``withdraw(_:)`` takes; nil when there is no room.
    @discardableResult
    package mutating func append(_ entry: Entry) -> UInt64? {
        guard let number = entries.open(entry, deadline: entry.deadline) else { return nil }
        if let server = entry.server {
            byServer[server, default: []].append(number)
        } else {
            shared.append(number)
            // Calls that are given up while nothing moves must not make the line longer for ever.
            if shared.count > 2 * entries.count + 64 { shared.removeAll { entries[$0] == nil } }
        }
        return number
    }

    /// The next that `server` may take.
    package mutating func next(for server: Int) -> Entry? {
        while let number = byServer[server]?.popFirst() {
            if let entry = entries.retract(number) { return entry }
        }
        if !byServer.isEmpty { byServer[server] = nil }
        while let number = shared.popFirst() {
            if let entry = entries.retract(number) { return entry }
        }
        return nil
    }

    /// One whose time is over.
    package mutating func nextExpired(at tick: Int) -> Entry? {
        guard let (number, entry) = entries.nextExpired(at: tick) else { return nil }
        // No answer will come for it, so nothing of it stays.
        _ = entries.answered(number)
        return entry
    }

    /// Takes a call out whose caller does not want it any more.
    package mutating func withdraw(_ number: UInt64) -> Entry? { entries.retract(number) }

    /// Everything, oldest first.
    package mutating func removeAll() -> [Entry] {
        shared.removeAll()
        byServer.removeAll()
        return entries.removeAll().map(\.call)
    }

    /// Those that only `server` may take, oldest first.
    package mutating func removeAll(for server: Int) -> [Entry] {
        (byServer.removeValue(forKey: server) ?? []).compactMap { entries.retract($0) }
    }
}
