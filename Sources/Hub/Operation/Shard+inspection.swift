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
            let side = port.side.rawValue
            let (links, queued) = roster.count(of: port.side)
            samples.append(Sample(.linksOpen, role, side, value: links))
            samples.append(Sample(.queueBytes, role, side, value: queued))
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
}
