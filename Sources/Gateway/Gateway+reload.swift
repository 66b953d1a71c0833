import Links
import NIOCore
import Routing
import Sessions
import Synchronization

/// Other settings while clients stay (rule S26).
extension Gateway {
    /// Gets ready to go by other settings. Listen address, ES id, cluster and wire are the same, and hubs are there or not as before.
    ///
    /// New addresses are dialed before packets go to them, and what is no longer listed hears DRAIN after the last packet has gone to it. A route that
    /// keeps its name and way keeps its connections.
    /// - Returns: takes the settings over; done when the first attempt of each new dialer has ended.
    /// - Throws: `TLSFileError`; then nothing has changed.
    public func prepare(_ settings: GatewaySettings) throws -> @Sendable () async -> Void {
        let (listener, old, oldTable) = state.withLock { ($0.listener, $0.settings, $0.table) }
        var table = oldTable
        let changes = table.change(to: settings)
        let options = try listener?.prepare(settings.options)
        var books: [Int: AddressBook] = [:]
        for (place, route) in zip(changes.places, settings.routes) where changes.added.contains(place) {
            books[place] = try book(of: route, place: place)
        }
        return { [self, table, books] in
            options?()
            context.admission.update(settings.limits)
            let known = await open(changes, books, settings, from: old)
            let routeOfType = table.routeOfType(settings, places: changes.places)
            await onEachShard { shard in
                shard.inherit(changes.successors)
                shard.take(settings, places: changes.places, routeOfType: routeOfType)
                for place in changes.removed { shard.remove(place) }
                return shard.loop.eventLoop.makeSucceededVoidFuture()
            }
            for place in changes.removed { known[place]?.retire(besides: []) }
            for (place, route) in zip(changes.places, settings.routes) where changes.moved.contains(place) { known[place]?.retire(besides: route.to) }
            if let hubs = settings.hubs { known[table.hubsPlace]?.retire(besides: hubs.to) }
            for book in known.values { book.expireFiles() }
            await onEachShard { shard in
                if let hubs = settings.hubs { shard.show(hubs) }
                shard.retireUpstreams()
                return shard.loop.eventLoop.makeSucceededVoidFuture()
            }
            state.withLock { state in
                state.settings = settings
                state.table = table
                for place in changes.removed { state.books[place] = nil }
            }
        }
    }

    /// Makes the new routes known to every loop and dials what is new.
    /// - Returns: every book, by the place of its route.
    private func open(
        _ changes: RouteTable.Changes, _ books: [Int: AddressBook], _ settings: GatewaySettings, from old: GatewaySettings
    ) async -> [Int: AddressBook] {
        for (place, route) in zip(changes.places, settings.routes) where changes.added.contains(place) {
            let waitingTotal = SharedCount()
            await onEachShard { shard in
                shard.add(route, waitingTotal: waitingTotal)
                return shard.loop.eventLoop.makeSucceededVoidFuture()
            }
        }
        let (known, isLeaving) = state.withLock { state in
            state.books.merge(books) { $1 }
            return (state.books, state.phase != "serving")
        }
        if isLeaving { for book in known.values { book.stop() } }
        await withTaskGroup(of: Void.self) { group in
            for book in books.values { group.addTask { await book.start() } }
            for (place, route) in zip(changes.places, settings.routes) where changes.moved.contains(place) {
                group.addTask { await known[place]?.add(route.to) }
            }
            if let hubs = settings.hubs, hubs.to != old.hubs?.to {
                let place = state.withLock { $0.table.hubsPlace }
                group.addTask { await known[place]?.add(hubs.to) }
            }
        }
        return known
    }
}
