import NIOCore
import Telemetry
import Wire

/// What a desk does for others than its links.
extension LaneDesk {
    /// Leaves a packet for the loop itself, from any thread.
    func push(_ packet: Packet) {
        if loop.eventLoop.inEventLoop {
            acceptHere(packet, for: 0)
        } else {
            box.put(Return(target: 0, finishes: 0, count: packet.header.length)) { packet.store(to: $0) }
        }
    }

    /// What the desk tells about itself; called on its loop.
    func samples(role: String, side: Side) -> [Sample] {
        var samples: [Sample] = [
            Sample(.linksOpen, role, side.rawValue, value: openLinks),
            Sample(.bytes, role, Direction.in.rawValue, value: counters.bytesIn),
            Sample(.bytes, role, Direction.out.rawValue, value: counters.bytesOut),
            Sample(.packets, role, "lanes", Direction.in.rawValue, value: counters.packetsIn),
            Sample(.packets, role, "lanes", Direction.out.rawValue, value: counters.packetsOut),
            Sample(.queueBytes, role, side.rawValue, value: loop.queuedBytes),
            Sample(.multicastMembers, "delivered", value: counters.multicastDelivered),
            Sample(.multicastMembers, "absent", value: counters.multicastAbsent),
            Sample(.ignored, role, value: counters.ignored),
            Sample(.discarded, role, "goneSession", value: counters.goneReplies),
            Sample(.discarded, role, "sessionClosed", value: counters.lostNotices),
        ]
        for (code, count) in counters.undelivered.labelled { samples.append(Sample(.undelivered, role, "lanes", code, value: count)) }
        for (code, count) in counters.closed.labelled { samples.append(Sample(.linksClosed, role, side.rawValue, code, value: count)) }
        for kind in SecurityKind.allCases { samples.append(Sample(.securityEvents, role, kind.name, value: counters.security[kind.rawValue])) }
        return samples
    }
}
