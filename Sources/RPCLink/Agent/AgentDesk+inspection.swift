import Links
import Membership
package import Telemetry

/// What an agent tells about itself; called on its loop.
extension AgentDesk {
    package func samples(role: String) -> [Sample] {
        let hubs = "hubs"
        let side = Side.hub.rawValue
        var samples = [
            Sample(.linksOpen, role, side, value: ports.count { $0.hub.isUp }),
            Sample(.queueBytes, role, side, value: ports.reduce(0) { $0 + ($1.hub.link?.queued ?? 0) }),
            Sample(.calls, role, hubs, "ok", value: counters.answered),
            Sample(.callsInFlight, role, hubs, value: running),
            Sample(.oldestPending, role, hubs, value: oldestCall),
            Sample(.lateAnswers, role, value: counters.late),
            Sample(.ignored, role, value: counters.ignored),
            Sample(.bytes, role, Direction.in.rawValue, value: counters.bytesIn),
            Sample(.bytes, role, Direction.out.rawValue, value: counters.bytesOut),
        ]
        samples += counters.refused.labelled.map { Sample(.calls, role, hubs, $0.0, value: $0.1) }
        samples += counters.closed.labelled.map { Sample(.linksClosed, role, side, $0.0, value: $0.1) }
        samples += SecurityKind.allCases.map { Sample(.securityEvents, role, $0.name, value: counters.security[$0.rawValue]) }
        // A hub may be listed again: its series goes on from where it was.
        var redials = pastRedials
        for port in ports { redials[port.hub.address.text, default: 0] += port.hub.redials }
        return samples + redials.map { Sample(.reconnects, role, $0.key, value: $0.value) }
    }

    package func pending(role: String) -> PendingView {
        PendingView(role: role, route: "hubs", what: "calls", count: running, bytes: 0, oldestMilliseconds: oldestCall)
    }

    package var peers: [RoleStatus.Peer] {
        ports.map { port in
            let state = port.hub.isOpen ? "up" : port.hub.isUp ? "draining" : "down"
            return RoleStatus.Peer(route: "hubs", address: port.hub.address.text, state: state, queuedBytes: port.hub.link?.queued ?? 0)
        }
    }
}
