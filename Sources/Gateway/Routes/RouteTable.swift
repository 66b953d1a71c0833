import Links
import Routing
import Wire

/// Where the routes of a configuration stand in every loop's list of routes, and what a reload does to them (rule S26). Pure.
///
/// A place is never given to another route: connections and sessions know routes by it. The routes of the start come first, then hubs, then none.
struct RouteTable: Equatable {
    /// By place; nil for hubs, for none, and for what was removed.
    private(set) var routes: [GatewaySettings.Route?]
    let hubsPlace: Int

    /// What a reload does.
    struct Changes: Equatable {
        /// The place of each route of the new settings.
        var places: [Int] = []
        /// Places of routes that are new, or go another way than the one of their name did.
        var added: [Int] = []
        /// Places of routes that go, or are replaced.
        var removed: [Int] = []
        /// Places of routes that stay and stand for other addresses.
        var moved: [Int] = []
        /// The places of routes that take the place of another of the same name, with that one's.
        var successors: [Int: Int] = [:]
    }

    /// The table of the start.
    static func start(_ settings: GatewaySettings) -> RouteTable {
        RouteTable(routes: settings.routes + [nil, nil], hubsPlace: settings.routes.count)
    }

    /// Takes the place of the old settings; says what is to be done.
    mutating func change(to settings: GatewaySettings) -> Changes {
        var changes = Changes()
        var left = Set(routes.indices.filter { routes[$0] != nil })
        for route in settings.routes {
            let namesake = left.first { routes[$0]?.name == route.name }
            if let namesake, let old = routes[namesake], old.goesTheSameWay(as: route) {
                left.remove(namesake)
                if old.to != route.to { changes.moved.append(namesake) }
                routes[namesake] = route
                changes.places.append(namesake)
            } else {
                if let namesake { changes.successors[routes.count] = namesake }
                changes.added.append(routes.count)
                changes.places.append(routes.count)
                routes.append(route)
            }
        }
        changes.removed = left.sorted()
        for place in left { routes[place] = nil }
        return changes
    }

    /// Whether a place is hubs', none's, or that of a route that the settings list; one that this table does not know yet is on its way.
    func isListed(_ place: Int) -> Bool {
        guard routes.indices.contains(place), place != hubsPlace, place != hubsPlace + 1 else { return true }
        return routes[place] != nil
    }

    /// The place for every application type.
    /// - Parameter places: those of the settings' routes.
    func routeOfType(_ settings: GatewaySettings, places: [Int]) -> [UInt16] {
        let fallback: Int =
            switch settings.defaultRoute {
            case .none: hubsPlace + 1
            case .hubs: hubsPlace
            case .route(let name): settings.routes.firstIndex { $0.name == name }.map { places[$0] } ?? hubsPlace + 1
            }
        var byType = [UInt16](repeating: UInt16(fallback), count: 0x10000)
        for (place, route) in zip(places, settings.routes) {
            for range in route.types.ranges { for type in range { byType[Int(type)] = UInt16(place) } }
        }
        return byType
    }
}

extension GatewaySettings.Route {
    /// Its connections may serve the other as well.
    fileprivate func goesTheSameWay(as other: GatewaySettings.Route) -> Bool {
        hubs == other.hubs && connections == other.connections && legacy == other.legacy && wire == other.wire && tls == other.tls
    }
}
