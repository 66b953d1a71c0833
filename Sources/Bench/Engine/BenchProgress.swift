/// How a run is going, once a second. ``description`` is one line for a terminal.
package struct BenchProgress: Sendable, Hashable, CustomStringConvertible {
    package var unit = BenchPlan.Unit.packets
    /// Seconds since the first request.
    package var elapsed: Double
    package var isWarmUp: Bool
    /// Outcomes of every kind since the first request.
    package var answers: Int
    /// Outcomes per second since the last report.
    package var rate: Double
    /// Requests without an outcome.
    package var open: Int
    package var undelivered: UInt64
    /// Connections that ended.
    package var lost: Int

    package init(elapsed: Double, isWarmUp: Bool, answers: Int, rate: Double, open: Int, undelivered: UInt64, lost: Int) {
        self.elapsed = elapsed
        self.isWarmUp = isWarmUp
        self.answers = answers
        self.rate = rate
        self.open = open
        self.undelivered = undelivered
        self.lost = lost
    }

    init(timeline: Timeline, at now: UInt64) {
        self.init(
            elapsed: Double(now - timeline.start) / 1e9, isWarmUp: now < timeline.countFrom, answers: 0, rate: 0, open: 0, undelivered: 0, lost: 0)
    }

    /// Adds one loop's state.
    mutating func add(_ part: LoadProgress) {
        answers += part.answers
        open += part.open
        undelivered += part.undelivered
        lost += part.lost
    }

    mutating func setRate(since last: BenchProgress) {
        let seconds = elapsed - last.elapsed
        rate = seconds > 0 ? Double(answers - last.answers) / seconds : 0
    }

    package var description: String {
        var line = "\(fixed(elapsed, 0)) s  \(grouped(UInt64(max(0, rate)))) \(unit)/s  \(grouped(UInt64(max(0, open)))) in flight"
        if undelivered > 0 { line += "  \(grouped(undelivered)) undelivered" }
        if lost > 0 { line += "  \(lost) connections lost" }
        return isWarmUp ? line + "  (warm-up)" : line
    }
}

/// One loop's share of a ``BenchProgress``.
struct LoadProgress: Sendable {
    var answers: Int
    var open: Int
    var undelivered: UInt64
    var lost: Int
}
