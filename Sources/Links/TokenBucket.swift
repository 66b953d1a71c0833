package import NIOCore

/// A rate limit that lets one second's worth through at once (rule S16). Pure; a refused request takes nothing.
package struct TokenBucket {
    private let rate: Double
    private var level: Double
    private var filledAt: NIODeadline

    /// - Parameter perSecond: at least 1.
    package init(perSecond: Int, now: NIODeadline) {
        rate = Double(perSecond)
        level = rate
        filledAt = now
    }

    /// Fills up for the time that has passed; once a burst is enough.
    package mutating func refill(now: NIODeadline) {
        level = min(rate, level + rate * Double((now - filledAt).nanoseconds) / 1e9)
        filledAt = now
    }

    /// Whether `count` are there.
    package func holds(_ count: Int) -> Bool { level >= Double(count) }
    package mutating func take(_ count: Int) { level -= Double(count) }
}
