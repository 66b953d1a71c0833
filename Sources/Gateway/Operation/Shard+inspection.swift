import Links
import Membership
import NIOCore
import Telemetry
import Wire

/// What a loop tells about itself; called on the loop, between turns.
extension Shard {
    func samples() -> [Sample] {
        let role = "gateway"
        var samples: [Sample] = [
            Sample(.linksOpen, role, Side.clients.rawValue, value: openClients),
            Sample(.linksOpen, role, Side.route.rawValue, value: owned.count { $0.link != nil && $0.route.kind == .direct }),
            Sample(.linksOpen, role, Side.hub.rawValue, value: owned.count { $0.link != nil && $0.route.kind == .hubs }),
            Sample(.bytes, role, Direction.in.rawValue, value: counters.bytesIn),
            Sample(.bytes, role, Direction.out.rawValue, value: counters.bytesOut),
            Sample(.queueBytes, role, Side.route.rawValue, value: queueBytes(.direct)),
            Sample(.queueBytes, role, Side.hub.rawValue, value: queueBytes(.hubs)),
            Sample(.queueBytes, role, Side.clients.rawValue, value: loop.queuedBytes - linkQueueBytes),
            Sample(.multicastMembers, "delivered", value: counters.multicastDelivered),
            Sample(.multicastMembers, "absent", value: counters.multicastAbsent),
            Sample(.ignored, role, value: counters.ignored),
            Sample(.discarded, role, "goneSession", value: counters.goneSessions),
            Sample(.discarded, role, "sessionClosed", value: counters.unheardClosings),
        ]
        for (code, count) in counters.clientsClosed.labelled { samples.append(Sample(.linksClosed, role, Side.clients.rawValue, code, value: count)) }
        for (code, count) in counters.connectionsClosed.labelled {
            samples.append(Sample(.linksClosed, role, Side.route.rawValue, code, value: count))
        }
        for (code, count) in counters.hubsClosed.labelled { samples.append(Sample(.linksClosed, role, Side.hub.rawValue, code, value: count)) }
        for case let upstream as HubUpstream in owned.map(\.upstream) where upstream.hub.redials > 0 {
            samples.append(Sample(.reconnects, role, upstream.connection.trunk.address, value: upstream.hub.redials))
        }
        for kind in SecurityKind.allCases { samples.append(Sample(.securityEvents, role, kind.name, value: counters.security[kind.rawValue])) }
        for (peer, count) in counters.reconnects { samples.append(Sample(.reconnects, role, peer, value: count)) }
        for route in routes {
            samples.append(Sample(.packets, role, route.name, Direction.in.rawValue, value: route.counters.packetsIn))
            samples.append(Sample(.packets, role, route.name, Direction.out.rawValue, value: route.counters.packetsOut))
            samples.append(Sample(.oldestPending, role, route.name, value: oldestPending(route)))
            for (code, count) in route.counters.undelivered.labelled { samples.append(Sample(.undelivered, role, route.name, code, value: count)) }
        }
        return samples
    }

    /// Bytes in the queues of this loop's links to upstreams.
    private var linkQueueBytes: Int { owned.reduce(0) { $0 + ($1.link?.queued ?? 0) } }

    /// The same of one kind, and what waits for a way.
    private func queueBytes(_ kind: ShardRoute.Kind) -> Int {
        owned.reduce(0) { $0 + ($1.route.kind == kind ? $1.link?.queued ?? 0 : 0) }
            + routes.reduce(0) { $0 + ($1.kind == kind ? $1.waiting.bytes : 0) }
    }

    private func oldestPending(_ route: ShardRoute) -> Int {
        route.waiting.oldest.map { Int((loop.eventLoop.now - $0).nanoseconds / 1_000_000) } ?? 0
    }

    func peers() -> [RoleStatus.Peer] {
        shown.map { connection in
            RoleStatus.Peer(
                route: connection.route.name, address: connection.label, state: connection.stateName, queuedBytes: connection.link?.queued ?? 0)
        }
    }
}
