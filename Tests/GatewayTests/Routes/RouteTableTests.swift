import Links
import NIOCore
import Routing
import Testing
import Wire

@testable import Gateway

@Suite("Route table: what a reload does to routes")
struct RouteTableTests {
    private func settings(_ routes: GatewaySettings.Route...) -> GatewaySettings {
        var settings = GatewaySettings(listen: .host("127.0.0.1", port: 7000))
        settings.routes = routes
        return settings
    }

    private func route(
        _ name: String, _ types: ClosedRange<UInt16>, to ports: Int..., change: (inout GatewaySettings.Route) -> Void = { _ in }
    ) -> GatewaySettings.Route {
        var route = GatewaySettings.Route(name: name, types: TypeSet([types]), to: ports.map { .host("192.0.2.1", port: $0) })
        change(&route)
        return route
    }

    @Test("S26: a route that keeps its name and way keeps its place, whatever else of it changes and wherever it is listed")
    func kept() {
        let (chat, game) = (route("chat", 1...9, to: 1), route("game", 10...19, to: 2))
        var table = RouteTable.start(settings(chat, game))
        var patient = chat
        patient.types = TypeSet([1...5])
        patient.waitForPeer = .seconds(1)
        patient.highWater = 4096
        let changes = table.change(to: settings(game, patient))
        #expect(changes == RouteTable.Changes(places: [1, 0]))
        let byType = table.routeOfType(settings(game, patient), places: changes.places)
        #expect([1, 5, 6, 10, 20].map { byType[$0] } == [0, 0, 3, 1, 3])
    }

    @Test("S26: other addresses are other addresses of the same route")
    func moved() {
        var table = RouteTable.start(settings(route("chat", 1...9, to: 1, 2)))
        #expect(table.change(to: settings(route("chat", 1...9, to: 2, 3))) == RouteTable.Changes(places: [0], moved: [0]))
        #expect(table.change(to: settings(route("chat", 1...9, to: 2, 3))) == RouteTable.Changes(places: [0]))
    }

    @Test("S26: a route that is not listed any more is removed; one that comes gets a place of its own, even with a name that was used before")
    func removedAndAdded() {
        let (chat, game) = (route("chat", 1...9, to: 1), route("game", 10...19, to: 2))
        var table = RouteTable.start(settings(chat))
        #expect(table.change(to: settings(game)) == RouteTable.Changes(places: [3], added: [3], removed: [0]))
        #expect(table.change(to: settings(game, chat)) == RouteTable.Changes(places: [3, 4], added: [4]))
        #expect(table.routeOfType(settings(game, chat), places: [3, 4])[1] == 4)
    }

    @Test(
        "S26: a route that goes another way under its name follows the old one",
        arguments: [
            { $0.legacy = true }, { $0.connections = 2 }, { $0.wire = WireFormat(byteOrder: .little) }, { $0.tls = DialerTLS() },
        ] as [@Sendable (inout GatewaySettings.Route) -> Void])
    func replaced(change: @Sendable (inout GatewaySettings.Route) -> Void) {
        var table = RouteTable.start(settings(route("chat", 1...9, to: 1)))
        let changes = table.change(to: settings(route("chat", 1...9, to: 1, change: change)))
        #expect(changes == RouteTable.Changes(places: [3], added: [3], removed: [0], successors: [3: 0]))
    }

    @Test("S26: the default follows its route to another place")
    func fallback() {
        var old = settings(route("chat", 1...9, to: 1))
        old.defaultRoute = .route("chat")
        var table = RouteTable.start(old)
        #expect(table.routeOfType(old, places: [0])[500] == 0)
        var new = settings(route("chat", 1...9, to: 1) { $0.legacy = true })
        new.defaultRoute = .route("chat")
        let places = table.change(to: new).places
        #expect(table.routeOfType(new, places: places)[500] == 3)
        new.defaultRoute = .hubs
        #expect(table.routeOfType(new, places: places)[500] == 1)
        new.defaultRoute = .none
        #expect(table.routeOfType(new, places: places)[500] == 2)
    }
}
