public import NIOCore

/// Waits between attempts of a dialer: full-jitter exponential, 100 ms to 30 s, for ever (rule S18).
///
/// | failures in a row | a wait is drawn evenly from 0 up to |
/// |-------------------|-------------------------------------|
/// | 1                 | 100 ms                              |
/// | 2                 | 200 ms                              |
/// | 5                 | 1.6 s                               |
/// | 10 and more       | 30 s                                |
public struct Backoff: Sendable, Hashable {
    public static let least = TimeAmount.milliseconds(100)
    public static let most = TimeAmount.seconds(30)
    private var failures = 0

    public init() {}

    /// The longest that the next wait may be.
    public var ceiling: TimeAmount {
        let doubled = Backoff.least.nanoseconds << Int64(min(failures, 12))
        return .nanoseconds(min(doubled, Backoff.most.nanoseconds))
    }

    /// The next wait. `draw` returns a number evenly distributed over its range.
    public mutating func next(draw: (ClosedRange<Int64>) -> Int64) -> TimeAmount {
        let wait = draw(0...ceiling.nanoseconds)
        failures += 1
        return .nanoseconds(wait)
    }

    /// The peer has proved healthy (it said WELCOME, or, without a handshake, stayed for 5 s): start over.
    public mutating func reset() { failures = 0 }
}
