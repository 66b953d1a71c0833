package import Histogram

/// What one event loop sent and heard. Plain numbers, no clock: every time comes in as a parameter.
///
/// A request belongs to the measurement by its own time (closed loop: when it was written; open loop: when it was due), so `sent` is
/// exactly `received`, `undelivered` and what is missing, whatever was under way when counting began or ended.
package struct Ledger: Sendable {
    /// Latencies longer than this are recorded as this.
    private static let longest: UInt64 = 3_600_000_000_000

    /// Requests from here on are counted.
    package let countFrom: UInt64
    /// Sending ends here; answers that come later are counted but are not part of the rate.
    package var countTo: UInt64

    /// Counted requests written to a connection.
    package private(set) var sent: UInt64 = 0
    /// Answers to counted requests.
    package private(set) var received: UInt64 = 0
    /// Counted requests that came back undelivered, by code.
    package private(set) var undelivered: [UInt16: UInt64] = [:]
    /// REJECTs by code.
    package private(set) var rejected: [UInt16: UInt64] = [:]
    /// Answers that came while counting, whenever their requests were made: the rate.
    package private(set) var arrived: UInt64 = 0
    /// Answers that came after the answer to a later request of their connection, or twice.
    package private(set) var outOfOrder: UInt64 = 0
    /// Packets that are no answer to a request of the connection that they came on.
    package private(set) var ignored: UInt64 = 0
    /// The longest time between a request's due time and its writing (open loop).
    package private(set) var longestDelay: UInt64 = 0
    /// Nanoseconds from request to answer, 3 digits.
    package private(set) var latency = Histogram<UInt64>(lowestDiscernibleValue: 64, highestTrackableValue: Ledger.longest)

    /// Every request, the warm-up's too.
    package private(set) var sentEver = 0
    /// Every outcome, the warm-up's too.
    package private(set) var settledEver = 0
    /// Requests whose connection ended before their outcome came.
    package private(set) var lostEver = 0

    package init(countFrom: UInt64, countTo: UInt64) {
        self.countFrom = countFrom
        self.countTo = countTo
    }

    /// Requests whose outcome may still come.
    package var outstanding: Int { sentEver - settledEver - lostEver }
    /// Requests that have no outcome. The warm-up's are among them: a peer that fell silent then must not pass for a healthy one.
    package var unanswered: UInt64 { UInt64(max(0, sentEver - settledEver)) }

    /// A request was written at `now`; its time is `stamp`.
    package mutating func requestSent(stamp: UInt64, at now: UInt64) {
        sentEver += 1
        guard stamp >= countFrom else { return }
        sent += 1
        longestDelay = max(longestDelay, now &- stamp)
    }

    /// `stamp`'s request was answered.
    package mutating func answerReceived(stamp: UInt64, at now: UInt64) {
        settledEver += 1
        if now >= countFrom, now < countTo { arrived += 1 }
        guard stamp >= countFrom else { return }
        received += 1
        latency.record(min(now - stamp, Ledger.longest))
    }

    /// A request came back undelivered. One without a readable stamp counts by the time that it came.
    package mutating func undeliveredReceived(code: UInt16, stamp: UInt64?, at now: UInt64) {
        settledEver += 1
        guard stamp ?? now >= countFrom else { return }
        undelivered[code, default: 0] += 1
    }

    package mutating func rejectReceived(code: UInt16) { rejected[code, default: 0] += 1 }
    package mutating func answerOvertaken() { outOfOrder += 1 }
    package mutating func packetIgnored() { ignored += 1 }

    /// A connection is gone, and with it every hope for `count` outcomes. They stay unanswered.
    package mutating func connectionLost(open count: Int) { lostEver += count }

    /// Adds another loop's numbers.
    package mutating func add(_ other: Ledger) {
        sent += other.sent
        received += other.received
        undelivered.merge(other.undelivered, uniquingKeysWith: +)
        rejected.merge(other.rejected, uniquingKeysWith: +)
        arrived += other.arrived
        outOfOrder += other.outOfOrder
        ignored += other.ignored
        longestDelay = max(longestDelay, other.longestDelay)
        latency.add(other.latency)
        sentEver += other.sentEver
        settledEver += other.settledEver
        lostEver += other.lostEver
        countTo = max(countTo, other.countTo)
    }
}
