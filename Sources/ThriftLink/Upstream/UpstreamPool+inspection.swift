import Routing
package import Telemetry

extension UpstreamPool {
    /// Each address with how it is, on this pool's loop.
    package func views(role: String, route: String) -> [PoolView] {
        var order: [Int] = []
        var views: [Int: PoolView] = [:]
        for connection in connections where connection.state != .stopped || connection.link != nil {
            let server = connection.server
            if views[server.number] == nil {
                order.append(server.number)
                views[server.number] = PoolView(role: role, route: route, address: server.name, state: "down")
            }
            guard connection.link != nil else {
                if connection.state == .dialing, views[server.number]?.state == "down" { views[server.number]?.state = "connecting" }
                continue
            }
            views[server.number]?.state = table.ejections.isEjected(server.number) ? "ejected" : "up"
            views[server.number]?.connections += 1
            views[server.number]?.callsInFlight += connection.pending.count
        }
        return order.compactMap { views[$0] }
    }
}
