package import NIOCore

/// When to tell a member what it can reach: after every WELCOME, and on change, at most every 50 ms (protocol section 2, PEERS). Pure.
package struct PeersPacing: Equatable {
    package enum Action: Equatable {
        case none
        /// Tell it now.
        case send
        /// Look again then.
        case wait(until: NIODeadline)
    }

    package static let interval = TimeAmount.milliseconds(50)
    private var told: UInt64?
    private var toldAt = NIODeadline.distantPast

    package init() {}

    /// WELCOME has been written: the list goes with it whatever was told before.
    package mutating func welcomed(version: UInt64, now: NIODeadline) {
        told = version
        toldAt = now
    }

    /// - Parameter version: of the list that stands now; equal versions are equal lists.
    package mutating func check(version: UInt64, now: NIODeadline) -> Action {
        guard told != version else { return .none }
        guard now >= toldAt + PeersPacing.interval else { return .wait(until: toldAt + PeersPacing.interval) }
        told = version
        toldAt = now
        return .send
    }
}

/// Joins changes, so that tables are built at most once in an interval and a lone change waits for nothing. Pure.
package struct Coalescer: Equatable {
    package enum Action: Equatable {
        /// A build is planned already.
        case none
        case build(at: NIODeadline)
    }

    package let interval: TimeAmount
    private var isPlanned = false
    private var last = NIODeadline.distantPast

    package init(interval: TimeAmount) { self.interval = interval }

    /// Something is different from what the last build saw.
    package mutating func changed(now: NIODeadline) -> Action {
        guard !isPlanned else { return .none }
        isPlanned = true
        return .build(at: max(now, last + interval))
    }

    /// A build begins; changes from here on need another.
    package mutating func building(now: NIODeadline) {
        isPlanned = false
        last = now
    }
}
