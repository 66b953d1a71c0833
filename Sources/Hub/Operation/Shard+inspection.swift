import Links
import Membership
import Telemetry
import Wire

/// What a loop tells about itself; called on the loop, between turns.
extension Shard {
    func samples() -> [Sample] {
        let role = "hub"
        var samples: [Sample] = [
            Sample(.ignored, role, value: counters.ignored),
            Sample(.discarded, role, "sessionClosed", value: counters.unheardClosings),
            Sample(.retries, Side.services.rawValue, "linkLost", value: counters.rerouted),
        ]
        var bytes = (in: 0, out: 0)
        for port in MemberLink.Port.allCases {
            let counted = counters[port]
            let side = "\(port)"
            let members = links.values.filter { $0.port == port }
            samples.append(Sample(.linksOpen, role, side, value: members.count))
            samples.append(Sample(.queueBytes, role, side, value: members.reduce(0) { $0 + $1.queued }))
            samples.append(Sample(.packets, role, side, Direction.in.rawValue, value: counted.packetsIn))
            samples.append(Sample(.packets, role, side, Direction.out.rawValue, value: counted.packetsOut))
            for (code, count) in counted.undelivered.labelled { samples.append(Sample(.undelivered, role, side, code, value: count)) }
            for (code, count) in counted.closed.labelled { samples.append(Sample(.linksClosed, role, side, code, value: count)) }
            bytes.in += counted.bytesIn
            bytes.out += counted.bytesOut
        }
        samples.append(Sample(.bytes, role, Direction.in.rawValue, value: bytes.in))
        samples.append(Sample(.bytes, role, Direction.out.rawValue, value: bytes.out))
        for kind in SecurityKind.allCases { samples.append(Sample(.securityEvents, role, kind.name, value: counters.security[kind.rawValue])) }
        return samples
    }

    /// Who is registered over a link of this loop.
    func registrations() -> [RegistrationView] {
        links.values.compactMap { member in
            guard let who = member.shell.acceptance.member, let id = member.memberID else { return nil }
            return RegistrationView(
                role: "hub", side: "\(member.port)", node: who.identity.node, cluster: who.cluster, name: who.name,
                state: member.shell.isLeaving ? "draining" : member.isWelcomed ? "up" : "connecting",
                claims: who.claims.map { $0.lo == $0.hi ? "\($0.lo)" : "\($0.lo)-\($0.hi)" }, remote: member.link.remote, link: member.link.id,
                generation: id.generation)
        }
    }

    /// Registered links, for `/status`.
    func memberStatus() -> [RoleStatus.Peer] {
        links.values.compactMap { member in
            guard let identity = member.shell.acceptance.member?.identity, member.memberID != nil else { return nil }
            return RoleStatus.Peer(
                route: "\(member.port)", address: "\(identity) at \(member.link.remote)", state: member.isWelcomed ? "up" : "connecting",
                queuedBytes: member.queued)
        }
    }
}
