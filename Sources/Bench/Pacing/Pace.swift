/// When each request of an open loop is due: request `n` at `start + n / rate`, computed from `n`, so nothing drifts.
///
/// The schedule does not know what the peer does. A request that leaves late, because the peer or this process stalled, keeps its
/// scheduled time, and its latency counts from there: a stall shows in every request that it delayed, not only in the one that it
/// caught (no coordinated omission).
package struct Pace: Sendable, Hashable {
    /// The fastest schedule; far above what one machine sends.
    package static let maxRate = 100_000_000

    private static let second: UInt64 = 1_000_000_000
    private let start: UInt64
    private let rate: UInt64

    /// - Parameter rate: requests per second, 1 ... ``maxRate``.
    package init(start: UInt64, rate: Int) {
        self.start = start
        self.rate = UInt64(min(max(rate, 1), Pace.maxRate))
    }

    /// When request `index` (from 0) is due. Whole seconds are split off so that the product cannot overflow.
    package func time(of index: UInt64) -> UInt64 {
        start + index / rate * Pace.second + index % rate * Pace.second / rate
    }

    /// How many requests are due at `now`: those whose time is `now` or earlier.
    package func due(at now: UInt64) -> UInt64 {
        guard now >= start else { return 0 }
        // time(of: n) <= now  <=>  n * second < (elapsed + 1) * rate, hence the division rounded up.
        let elapsed = now - start + 1
        let rest = elapsed % Pace.second * rate
        return elapsed / Pace.second * rate + (rest + Pace.second - 1) / Pace.second
    }
}
