import NIOCore
import Telemetry

/// The latest links of a loop that ended, each with its last view: the oldest is overwritten.
struct ClosedLinks {
    static let capacity = 256
    private var ring: [(view: LinkView, at: NIODeadline)] = []
    private var next = 0

    mutating func append(_ view: LinkView, at time: NIODeadline) {
        if ring.count < ClosedLinks.capacity {
            ring.append((view, time))
        } else {
            ring[next] = (view, time)
        }
        next = (next + 1) % ClosedLinks.capacity
    }

    /// All of them, in no order.
    func views(role: String, now: NIODeadline) -> [LinkView] {
        ring.map { entry in
            var view = entry.view
            view.role = role
            view.closedSecondsAgo = (now - entry.at).seconds
            return view
        }
    }
}

extension TimeAmount {
    /// To the millisecond.
    var seconds: Double { Double(nanoseconds / 1_000_000) / 1000 }
}
