import Links
import Membership
import NIOCore
import Routing
import Sessions
import Synchronization
import Telemetry
import Wire

/// What a reload does on a loop (rule S26), step by step as ``Gateway/prepare(_:)`` asks.
extension Shard {
    /// Sessions that a replaced route has carried are told of by its successor when they end (rule S12).
    func inherit(_ successors: [Int: Int]) {
        guard !successors.isEmpty else { return }
        for client in clients.all {
            for (place, old) in successors where client.carried.contains(old) { client.carried.insert(place) }
        }
    }

    /// The route gets nothing any more; what waits for it is answered.
    func remove(_ place: Int) {
        loop.enterTurn()
        let route = routes[place]
        route.isRemoved = true
        while let entry = route.waiting.popFirst() {
            route.waitingTotal.value.wrappingSubtract(entry.header.length, ordering: .relaxed)
            if entry.isNotice {
                resendNotice(entry.header, entry.body, on: route)
            } else {
                undeliverable(.noRoute, entry.header, entry.body, session: entry.header.session, route: route)
            }
        }
        loop.cancel(route.waitTimer)
    }

    /// What hubs are shown from the next HELLO on.
    func show(_ hubs: GatewaySettings.Hubs) {
        for connection in owned { (connection.upstream as? HubUpstream)?.hub.show(token: hubs.token, name: hubs.name) }
    }

    /// Takes leave of upstreams whose addresses are no longer listed.
    func retireUpstreams() {
        loop.enterTurn()
        for connection in owned where connection.upstream?.isRetired ?? false { connection.upstream?.retire() }
    }
}
