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
            let members = links.values.filter { $0.port == port }
            samples.append(Sample(.linksOpen, role, "\(port)", value: members.count))
            samples.append(Sample(.queueBytes, role, "\(port)", value: members.reduce(0) { $0 + $1.queued }))
            for (code, count) in counted.closed.labelled { samples.append(Sample(.linksClosed, role, "\(port)", code, value: count)) }
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

    /// Who is registered over a link of this loop.
    func registrations() -> [RegistrationView] {
        links.values.compactMap { member in
            guard let who = member.shell.acceptance.member, let id = member.shell.memberID else { return nil }
            return RegistrationView(
                role: "rpcHub", side: "\(member.port)", node: who.identity.node, cluster: who.cluster, name: who.name,
                state: member.shell.isLeaving ? "draining" : member.isWelcomed ? "up" : "connecting",
                claims: who.claims.map { $0.lo == $0.hi ? "\($0.lo)" : "\($0.lo)-\($0.hi)" }, remote: member.link.remote, link: member.link.id,
                generation: id.generation)
        }
    }

    /// Registered links, for `/status`.
    func memberStatus() -> [RoleStatus.Peer] {
        links.values.compactMap { member in
            guard let identity = member.shell.acceptance.member?.identity, member.id != 0 else { return nil }
            return RoleStatus.Peer(
                route: "\(member.port)", address: "\(identity) at \(member.link.remote)", state: member.shell.isWelcomed ? "up" : "connecting",
                queuedBytes: member.queued)
        }
    }
}
