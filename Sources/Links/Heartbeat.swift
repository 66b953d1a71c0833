package import NIOCore

/// Whether a peer is alive (rule S17): silent for one interval it is asked, silent for three it is given up. Pure.
package struct Heartbeat: Equatable {
    /// What to do now.
    package enum Action: Equatable {
        /// Nothing; look again at that time.
        case wait(until: NIODeadline)
        /// Ask with a PING; look again at that time.
        case ping(lookAgain: NIODeadline)
        /// Close with code 18.
        case giveUp
    }

    package let interval: TimeAmount
    /// Silences in a row before a peer is given up.
    package static let patience = 3
    /// How often the peer was asked since it was last heard.
    private var asked = 0
    /// The life that ``asked`` counts from.
    private var heard: NIODeadline?

    package init(interval: TimeAmount) { self.interval = interval }

    /// - Parameter lastHeard: when the last complete frame came.
    package mutating func check(now: NIODeadline, lastHeard: NIODeadline) -> Action {
        if heard != lastHeard {
            heard = lastHeard
            asked = 0
        }
        let silences = Int((now - lastHeard).nanoseconds / interval.nanoseconds)
        guard silences > 0 else { return .wait(until: lastHeard + interval) }
        guard silences < Heartbeat.patience else { return .giveUp }
        let next = lastHeard + .nanoseconds(interval.nanoseconds * Int64(silences + 1))
        guard asked < silences else { return .wait(until: next) }
        asked = silences
        return .ping(lookAgain: next)
    }
}
