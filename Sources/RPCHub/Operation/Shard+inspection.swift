import Links
import Membership
import NIOCore
import Telemetry
import Wire

/// What a loop tells about itself; called on the loop, between turns.
extension Shard {
    func samples() -> [Sample] {
        let role = "rpcHub"
        let route = "callers"
        var samples: [Sample] = [
            Sample(.ignored, role, value: counters.ignored),
            Sample(.lateAnswers, role, value: counters.late),
            Sample(.retries, Side.agents.rawValue, "linkLost", value: counters.rerouted),
            Sample(.callsInFlight, role, route, value: desk.open),
            Sample(.oldestPending, role, route, value: oldestCall),
            Sample(.calls, role, route, "ok", value: counters.answered + counters.oneway),
        ]
        for (code, count) in counters.undelivered.labelled { samples.append(Sample(.calls, role, route, code, value: count)) }
        var bytes = (in: 0, out: 0)
        for port in MemberLink.Port.allCases {
            let counted = counters[port]
            let side = port.side.rawValue
            let (links, queued) = roster.count(of: port.side)
            samples.append(Sample(.linksOpen, role, side, value: links))
            samples.append(Sample(.queueBytes, role, side, value: queued))
            for (code, count) in counted.closed.labelled { samples.append(Sample(.linksClosed, role, side, code, value: count)) }
            bytes.in += counted.bytesIn
            bytes.out += counted.bytesOut
        }
        samples.append(Sample(.bytes, role, Direction.in.rawValue, value: bytes.in))
        samples.append(Sample(.bytes, role, Direction.out.rawValue, value: bytes.out))
        for kind in SecurityKind.allCases { samples.append(Sample(.securityEvents, role, kind.name, value: counters.security[kind.rawValue])) }
        return samples
    }

    /// Milliseconds since the oldest open call of this loop's callers came.
    private var oldestCall: Int { desk.oldest(at: LinkLoop.tick(of: loop.eventLoop.now)) * 10 }

    func pending() -> PendingView {
        PendingView(role: "rpcHub", route: "callers", what: "calls", count: desk.open, oldestMilliseconds: oldestCall)
    }
}
