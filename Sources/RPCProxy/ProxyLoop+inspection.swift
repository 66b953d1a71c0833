import Links
import NIOCore
import Routing
import Telemetry
import ThriftLink

/// What a loop tells about itself; called on the loop, between turns.
extension ProxyLoop {
    func samples() -> [Sample] {
        let role = RPCProxy.roleName
        var samples = past.samples
        for route in routes where route.state != .left { samples += self.samples(of: route) }
        if unrouted > 0 { samples.append(Sample(.calls, role, "none", "noRoute", value: unrouted)) }
        // The open calls know since when.
        let oldest = oldestCalls()
        for (place, route) in routes.enumerated() where route.state != .left {
            samples.append(Sample(.oldestPending, role, route.name, value: oldest[place]))
        }
        return samples
    }

    /// Milliseconds since the oldest open call of each route came; 0 where there is none.
    private func oldestCalls() -> [Int] {
        var oldest = routes.map { _ in 0 }
        let now = loop.eventLoop.now
        open.visit { _, call in oldest[call.route] = max(oldest[call.route], Int((now - call.started).nanoseconds / 1_000_000)) }
        return oldest
    }

    func samples(of route: ProxyRoute) -> [Sample] {
        let role = RPCProxy.roleName
        let upstream = Side.upstream.rawValue
        let pool = route.pool
        var samples: [Sample] = [
            Sample(.linksOpen, role, upstream, value: pool.linksOpen),
            Sample(.queueBytes, role, upstream, value: pool.queuedBytes),
            Sample(.callsPending, role, route.name, "sent", value: pool.open),
            Sample(.callsPending, role, route.name, "waiting", value: pool.waitingCalls),
            Sample(.callsPending, role, route.name, "givenUp", value: pool.tombstones),
            Sample(.upstreamSeconds, role, route.name, distribution: pool.counters.upstream),
            Sample(.ejections, route.name, value: pool.counters.ejections),
            Sample(.lateAnswers, role, value: pool.counters.lateAnswers),
        ]
        samples += route.counters.samples(role: role, route: route.name)
        samples += route.retries.labelled.map { Sample(.retries, route.name, $0.0, value: $0.1) }
        if pool.counters.rerouted > 0 { samples.append(Sample(.retries, route.name, "neverSent", value: pool.counters.rerouted)) }
        samples += pool.counters.lostOneway.labelled.map { Sample(.undelivered, role, route.name, $0.0, value: $0.1) }
        samples += pool.counters.closed.labelled.map { Sample(.linksClosed, role, upstream, $0.0, value: $0.1) }
        samples += pool.counters.reconnects.map { Sample(.reconnects, role, $0.key, value: $0.value) }
        return samples
    }

    func routeViews() -> [RouteView] {
        routes.filter { $0.state == .serving }.map { route in
            let counters = route.counters
            let failed = Dictionary(counters.failed.labelled, uniquingKeysWith: +)
            return RouteView(
                role: RPCProxy.roleName, name: route.name, kind: "thrift", covers: route.settings.methods,
                upstreams: route.pool.peers.map { RouteView.Upstream(address: $0.address, state: $0.state, queuedBytes: $0.queuedBytes) },
                packetsIn: counters.ok + counters.exceptions + failed.values.reduce(0, +), packetsOut: counters.ok + counters.exceptions,
                undelivered: failed, waitingBytes: route.pool.waitingBytes)
        }
    }

    func poolViews() -> [PoolView] { routes.flatMap { $0.pool.views(role: RPCProxy.roleName, route: $0.name) } }

    func pendingViews() -> [PendingView] {
        let oldest = oldestCalls()
        return routes.enumerated().filter { $0.element.state != .left }.map { place, route in
            PendingView(
                role: RPCProxy.roleName, route: route.name, what: "calls", count: route.counters.inFlight, bytes: route.pool.waitingBytes,
                oldestMilliseconds: oldest[place])
        }
    }

    func peers() -> [RoleStatus.Peer] {
        routes.flatMap { route in
            route.pool.peers.map { RoleStatus.Peer(route: route.name, address: $0.address, state: $0.state, queuedBytes: $0.queuedBytes) }
        }
    }
}
