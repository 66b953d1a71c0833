import Links
import NIOCore
import Synchronization
import Telemetry
import ThriftLink

/// Other settings while clients stay (rule S26).
extension RPCProxy {
    /// Gets ready to go by other settings; where it listens is as before.
    ///
    /// A route that keeps its name and its servers keeps its connections, whatever else changes; any other gets new ones, which are dialed before calls go
    /// to them, and the old ones close when the calls that they have are answered.
    /// - Returns: takes the settings over; done when the first attempt of each new connection has ended.
    /// - Throws: `TLSFileError`; then nothing has changed.
    public func prepare(_ settings: RPCProxySettings) throws -> @Sendable () async -> Void {
        let old = state.withLock { $0.settings }
        let security = try settings.routes.map { route -> DialerSecurity? in
            let isKept = old.routes.contains { $0.name == route.name && $0.upstream.isServed(like: route.upstream) }
            return isKept ? nil : try route.upstream.tls.map { try DialerSecurity($0, logger: logger) }
        }
        let door = try door.prepare(settings.door)
        return { [self] in
            await door()
            await onEachLoop { $0.open(settings.routes, security) }
            await onEachLoop { loop in
                loop.take(settings.routes)
                return loop.loop.eventLoop.makeSucceededVoidFuture()
            }
            state.withLock { $0.settings = settings }
        }
    }
}

/// What a reload does on a loop, step by step as ``RPCProxy/prepare(_:)`` asks.
extension ProxyLoop {
    /// Dials the servers of routes that are new here; done when the first attempt of each connection has ended.
    /// - Parameter security: of each route that is.
    func open(_ next: [RPCProxySettings.Route], _ security: [DialerSecurity?]) -> EventLoopFuture<Void> {
        guard !isLeaving else { return loop.eventLoop.makeSucceededVoidFuture() }
        let dialed = zip(next, security).compactMap { settings, security -> EventLoopFuture<Void>? in
            guard !routes.contains(where: { $0.serves(settings) }) else { return nil }
            let route = makeRoute(settings)
            route.state = .coming
            if let place = routes.firstIndex(where: { $0.state == .left }) { routes[place] = route } else { routes.append(route) }
            return route.pool.start(security: security)
        }
        return EventLoopFuture.andAllComplete(dialed, on: loop.eventLoop)
    }

    /// Sends calls by the new routes from here on, and takes leave of those that are none of them.
    func take(_ next: [RPCProxySettings.Route]) {
        guard !isLeaving else { return }
        let places = next.compactMap { settings in
            routes.firstIndex { $0.serves(settings) } ?? routes.firstIndex { $0.state == .coming && $0.name == settings.name }
        }
        methods = MethodTable(next.map { ($0.methods, $0.weight) }, places: places)
        for place in routes.indices where routes[place].state == .serving && !places.contains(place) { retire(routes[place]) }
        for (place, settings) in zip(places, next) {
            routes[place].take(settings)
            routes[place].state = .serving
        }
    }

    private func retire(_ route: ProxyRoute) {
        route.state = .retired
        let left = route.pool.retire()
        retiring.append(left)
        left.whenComplete { _ in
            self.past.add(self.samples(of: route))
            route.state = .left
            self.retiring.removeAll { $0 === left }
        }
    }
}
