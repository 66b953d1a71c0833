import Histogram
import Links
import Wire

/// What a run measured. ``text`` is for people, ``json()`` for programs.
package struct BenchReport: Sendable, Hashable, Codable {
    /// Microseconds from a request's time to its answer.
    package struct Latency: Sendable, Hashable, Codable {
        package var p50: Double
        package var p90: Double
        package var p99: Double
        package var p999: Double
        package var max: Double

        private enum CodingKeys: String, CodingKey {
            case p50, p90, p99, max
            case p999 = "p99.9"
        }

        package init(p50: Double, p90: Double, p99: Double, p999: Double, max: Double) {
            self.p50 = p50
            self.p90 = p90
            self.p99 = p99
            self.p999 = p999
            self.max = max
        }

        init(_ histogram: Histogram<UInt64>) {
            func microseconds(_ nanoseconds: UInt64) -> Double { (Double(nanoseconds) / 100).rounded() / 10 }
            func value(_ percentile: Double) -> Double { microseconds(histogram.valueAtPercentile(percentile)) }
            self.init(p50: value(50), p90: value(90), p99: value(99), p999: value(99.9), max: microseconds(histogram.max))
        }
    }

    package var target: String
    /// What was counted.
    package var unit: BenchPlan.Unit
    package var connections: Int
    package var size: Int
    /// Requests in flight on each connection (closed loop).
    package var window: Int?
    /// Requests per second over all connections (open loop).
    package var rate: Int?
    /// How long requests were counted.
    package var seconds: Double
    package var sent: UInt64
    package var received: UInt64
    /// By the code's name.
    package var undelivered: [String: UInt64]
    /// REJECTs, by the code's name.
    package var rejected: [String: UInt64]
    /// Requests without an outcome at the end, the warm-up's included.
    package var unanswered: UInt64
    /// Open loop: due, and never taken by a connection.
    package var unsent: UInt64
    /// Connections that ended before the run did.
    package var errors: Int
    package var firstError: String?
    /// Answers that came after a later request's answer on the same connection, or twice.
    package var outOfOrder: UInt64
    /// Messages that answer nothing that their connection asked.
    package var ignored: UInt64
    /// Answers per second.
    package var perSecond: Double
    /// Absent when nothing was answered.
    package var latencyMicroseconds: Latency?
    /// Open loop: the longest time that a request left after it was due. A large value means that this process, or a peer that does
    /// not read, could not keep the schedule; the latencies contain it.
    package var longestSendDelayMicroseconds: Double?
    /// Ended before its time, by Ctrl-C.
    package var interrupted: Bool

    init(plan: BenchPlan, results: [LoadResult]) {
        var ledger = Ledger(countFrom: results.first?.timeline.countFrom ?? 0, countTo: 0)
        for result in results { ledger.add(result.ledger) }
        target = plan.target.description
        unit = plan.unit
        connections = plan.connections
        size = plan.size
        if case .window(let value) = plan.load { window = value }
        if case .rate(let value) = plan.load { rate = value }
        seconds = ledger.countTo > ledger.countFrom ? Double(ledger.countTo - ledger.countFrom) / 1e9 : 0
        sent = ledger.sent
        received = ledger.received
        undelivered = BenchReport.named(ledger.undelivered)
        rejected = BenchReport.named(ledger.rejected)
        unanswered = ledger.unanswered
        unsent = results.reduce(0) { $0 + $1.unsent }
        errors = results.reduce(0) { $0 + $1.lost }
        firstError = results.lazy.compactMap { $0.firstFault?.description }.first
        outOfOrder = ledger.outOfOrder
        ignored = ledger.ignored
        perSecond = seconds > 0 ? (Double(ledger.arrived) / seconds * 10).rounded() / 10 : 0
        if received > 0 { latencyMicroseconds = Latency(ledger.latency) }
        if rate != nil { longestSendDelayMicroseconds = (Double(ledger.longestDelay) / 100).rounded() / 10 }
        interrupted = results.contains { $0.isInterrupted }
    }

    private static func named(_ counts: [UInt16: UInt64]) -> [String: UInt64] {
        Dictionary(uniqueKeysWithValues: counts.map { (Code.name(of: $0.key), $0.value) })
    }

    /// What went wrong, as one line; nil when every request was answered.
    package var problem: String? {
        var parts: [String] = []
        if errors > 0 { parts.append("\(errors) of \(connections) connections to \(target) failed (\(firstError ?? "closed"))") }
        if !undelivered.isEmpty { parts.append("undelivered: \(BenchReport.list(undelivered))") }
        if unanswered > 0 { parts.append("\(unanswered) requests were not answered") }
        if unsent > 0 { parts.append("\(unsent) requests could not be sent on time or at all") }
        if !rejected.isEmpty, errors == 0 { parts.append("rejected: \(BenchReport.list(rejected))") }
        if parts.isEmpty, sent == 0 { parts.append(interrupted ? "interrupted before anything was measured" : "nothing was measured") }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    static func list(_ counts: [String: UInt64]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
}
