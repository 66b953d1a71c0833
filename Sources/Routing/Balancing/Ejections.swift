/// Which upstreams of one route are left out because they fail, and how they come back (rule S20). Pure.
///
/// Five failures in a row eject an upstream for 1 s, and each failed probe for twice as long, up to 30 s; never more than half of them
/// at once. When the time is over, one connection and one real call probe it: success brings it back, failure ejects it again.
public struct Ejections {
    /// What became of an upstream.
    public enum Change: Equatable, Sendable {
        case none
        /// It gets no calls until then (milliseconds).
        case ejected(until: Int)
        /// It gets calls again.
        case returned
    }

    /// Each state with what it means for calls.
    enum State: Equatable {
        /// Takes calls; so many of them have failed in a row.
        case serving(failures: Int)
        /// Takes none until that time; `round` ejections without a success between them.
        case ejected(until: Int, round: Int)
        /// The time is over: it is to be connected to afresh, and takes nothing before.
        case connecting(round: Int)
        /// One call may try it.
        case probe(round: Int)
        /// That call is under way.
        case probing(round: Int)
    }

    public static let patience = 5
    /// Milliseconds of the first ejection, and of the longest.
    public static let shortest = 1_000
    public static let longest = 30_000

    var states: [State] = []
    private var leftOut = 0

    public init(count: Int = 0) { states = Array(repeating: .serving(failures: 0), count: count) }

    /// Another upstream, at the end.
    public mutating func add() { states.append(.serving(failures: 0)) }

    /// Whether a call may go to it now.
    public func takes(_ upstream: Int) -> Bool {
        switch states[upstream] {
        case .serving, .probe: true
        case .ejected, .connecting, .probing: false
        }
    }

    /// Whether it is left out because it failed.
    public func isEjected(_ upstream: Int) -> Bool {
        if case .serving = states[upstream] { false } else { true }
    }

    /// No ejection ends before this time; nil when none is timed.
    public var nextEnd: Int? {
        states.compactMap { if case .ejected(let until, _) = $0 { until } else { nil } }.min()
    }

    /// A call goes to it.
    public mutating func sent(_ upstream: Int) {
        if case .probe(let round) = states[upstream] { states[upstream] = .probing(round: round) }
    }

    /// It answered; an exception is an answer too.
    public mutating func succeeded(_ upstream: Int) -> Change {
        switch states[upstream] {
        case .serving(failures: 0): return .none
        case .serving:
            states[upstream] = .serving(failures: 0)
            return .none
        case .probe, .probing:
            states[upstream] = .serving(failures: 0)
            leftOut -= 1
            return .returned
        // A call from before the ejection proves nothing about now.
        case .ejected, .connecting: return .none
        }
    }

    /// A connect failed, or a call ended with lost, deadline or protocol.
    public mutating func failed(_ upstream: Int, now: Int) -> Change {
        switch states[upstream] {
        case .serving(let failures):
            let failures = min(failures + 1, Ejections.patience)
            states[upstream] = .serving(failures: failures)
            guard failures == Ejections.patience, (leftOut + 1) * 2 <= states.count else { return .none }
            leftOut += 1
            return eject(upstream, now: now, round: 0)
        case .connecting(let round), .probe(let round), .probing(let round): return eject(upstream, now: now, round: round + 1)
        case .ejected: return .none
        }
    }

    /// The call that was to probe it ended without telling anything about it.
    public mutating func undecided(_ upstream: Int) {
        if case .probing(let round) = states[upstream] { states[upstream] = .probe(round: round) }
    }

    /// The upstreams whose time is over: each is to be connected to once.
    public mutating func ended(now: Int) -> [Int] {
        var over: [Int] = []
        for upstream in states.indices {
            guard case .ejected(let until, let round) = states[upstream], until <= now else { continue }
            states[upstream] = .connecting(round: round)
            over.append(upstream)
        }
        return over
    }

    /// The connection that probes it stands.
    public mutating func connected(_ upstream: Int) {
        if case .connecting(let round) = states[upstream] { states[upstream] = .probe(round: round) }
    }

    private mutating func eject(_ upstream: Int, now: Int, round: Int) -> Change {
        let until = now + min(Ejections.shortest << min(round, 5), Ejections.longest)
        states[upstream] = .ejected(until: until, round: round)
        return .ejected(until: until)
    }
}
