import Links
import Logging
import NIOCore
import Routing
import Sessions
import Telemetry
import Wire

/// What an operator sees of a loop and asks of it; called on the loop, between turns.
extension Shard {
    func routeViews() -> [RouteView] {
        routes.map { route in
            RouteView(
                role: "gateway", name: route.name, kind: "\(route.kind)", covers: route.settings.types.ranges.map(\.text),
                isDefault: isDefault(route),
                upstreams: shown.filter { $0.route === route }.map { connection in
                    RouteView.Upstream(
                        address: connection.label, state: connection.stateName, queuedBytes: connection.link?.queued ?? 0)
                },
                packetsIn: route.counters.packetsIn, packetsOut: route.counters.packetsOut,
                undelivered: Dictionary(route.counters.undelivered.labelled, uniquingKeysWith: +), waitingBytes: route.waiting.bytes)
        }
    }

    /// Connections that are there or are to be: not those that have taken leave.
    var shown: [Connection] { owned.filter { $0.link != nil || !($0.upstream?.isRetired ?? false) } }

    private func isDefault(_ route: ShardRoute) -> Bool {
        switch settings.defaultRoute {
        case .none: route.kind == .none
        case .hubs: route.index == hubsIndex
        case .route(let name): route.name == name && !route.isRemoved
        }
    }

    func pendingViews() -> [PendingView] {
        let now = loop.eventLoop.now
        return routes.map { route in
            let age = route.waiting.oldest.map { (now - $0).nanoseconds / 1_000_000 } ?? 0
            return PendingView(
                role: "gateway", route: route.name, what: "packets", count: route.waiting.count, bytes: route.waiting.bytes,
                oldestMilliseconds: Int(age))
        }
    }

    /// Closes the session, or every session of the user, as a KICK would.
    func kick(session: UInt64?, user: UInt64?, _ code: Code, _ reason: String) -> Int {
        loop.enterTurn()
        var kicked = session.flatMap(clients.find).map { [$0] } ?? []
        if let user { kicked += users.find(user) }
        for client in kicked { client.close(code, reason: reason) }
        return kicked.count
    }

    /// Takes the connections to `address` that this loop owns out of the choice, or puts them back.
    func disable(_ value: Bool, _ address: String) -> Int {
        let concerned = owned.compactMap { $0.upstream as? DirectUpstream }.filter { $0.connection.trunk.address == address }
        for upstream in concerned { upstream.disable(value) }
        return concerned.count
    }
}

extension DirectUpstream {
    /// A disabled upstream gets nothing new, as one that is leaving; its link stands, and what it says is served.
    func disable(_ value: Bool) {
        guard value != connection.isDisabled else { return }
        connection.isDisabled = value
        shard.log.event("disabled", level: .info, "\(name) is \(value ? "disabled" : "enabled") by an operator")
        if state == .up { tellLoops(.up) }
    }

    func description(of link: Link) -> LinkDescription {
        LinkDescription(side: .route, name: connection.label, route: route.name, framing: .packets(route.format))
    }
}

extension Connection {
    /// As the status, the routes and the links call it.
    var label: String { route.kind == .hubs ? trunk.address : "\(trunk.address)#\(trunk.index)" }

    var stateName: String {
        if isDisabled { return "disabled" }
        return switch state {
        case .up: "up"
        case .draining: "draining"
        case .down: "down"
        }
    }
}

extension ClosedRange where Bound == UInt16 {
    /// `7` or `100-199`, as the configuration writes it.
    fileprivate var text: String { lowerBound == upperBound ? "\(lowerBound)" : "\(lowerBound)-\(upperBound)" }
}
