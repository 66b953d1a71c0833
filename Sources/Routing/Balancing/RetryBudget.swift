/// How many calls may be repeated (rule S3): over the last ten seconds, one for each ten calls and ten for each second.
///
/// Without a budget, upstreams that are overloaded would get every call twice. Pure.
public struct RetryBudget {
    /// Seconds that count.
    static let window = 10
    /// Repeats for each second, whatever the traffic.
    static let perSecond = 10
    /// Calls for one repeat more.
    static let callsPerRetry = 10

    private struct Second {
        var number = Int.min
        var calls = 0
        var retries = 0
    }

    private var seconds = [Second](repeating: Second(), count: window)

    public init() {}

    /// `count` calls came.
    /// - Parameter second: of a clock that does not go back.
    public mutating func calls(_ count: Int = 1, second: Int) {
        let cell = enter(second)
        seconds[cell].calls += count
    }

    /// Whether one more repeat fits; if so it is spent.
    public mutating func spend(second: Int) -> Bool {
        let cell = enter(second)
        var calls = 0
        var retries = 0
        for other in seconds where other.number > second - RetryBudget.window {
            calls += other.calls
            retries += other.retries
        }
        guard retries < calls / RetryBudget.callsPerRetry + RetryBudget.perSecond * RetryBudget.window else { return false }
        seconds[cell].retries += 1
        return true
    }

    private mutating func enter(_ second: Int) -> Int {
        let cell = (second % RetryBudget.window + RetryBudget.window) % RetryBudget.window
        if seconds[cell].number != second { seconds[cell] = Second(number: second) }
        return cell
    }
}
