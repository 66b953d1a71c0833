import Links
import Routing
import Sessions
import TestSupport
import Testing
import Wire

@testable import Gateway

/// One route as one event loop sees it.
@Suite("Route of a loop")
struct ShardRouteTests {
    private func route(_ kind: ShardRoute.Kind, _ change: (inout GatewaySettings.Route) -> Void = { _ in }) -> ShardRoute {
        var settings = GatewaySettings.Route(name: "games", types: .applicationTypes, to: [.host("192.0.2.9", port: 1)])
        change(&settings)
        return ShardRoute(kind: kind, index: 0, settings: settings, verify: .strict, waitingTotal: SharedCount())
    }

    private func connection(_ node: UInt64, _ route: ShardRoute) -> Connection {
        Connection(trunk: Trunk(id: Int(node), route: 0, loop: 0, address: "a", index: 0, node: node), route: route)
    }

    @Test("S4: what failing fast says: noRoute, noPeer")
    func absence() {
        #expect(route(.none).absence == .noRoute)
        #expect(route(.hubs).absence == .noPeer)
        #expect(route(.direct).absence == .noPeer)
    }

    @Test("S4, S19: only draining connections: draining; none at all: noPeer", arguments: 1...6)
    func states(seed: UInt64) {
        var random = Seeded(seed)
        let route = route(.direct)
        let connections = (1...4).map { connection(UInt64($0), route) }
        for _ in 0..<200 {
            let connection = connections.randomElement(using: &random)!
            route.update(connection, to: [.down, .up, .draining].randomElement(using: &random)!)
            let up = connections.filter { $0.state == .up }
            let draining = connections.filter { $0.state == .draining }
            #expect(Set(route.live.all.map { $0.takeUnretainedValue().trunk.id }) == Set(up.map(\.trunk.id)))
            #expect(route.drainingCount == draining.count)
            #expect(route.absence == (draining.isEmpty ? .noPeer : .draining))
            for slot in [0, 1_000, 4_095] {
                let nodes = up.map(\.trunk.node)
                #expect(route.live[slot]?.takeUnretainedValue().trunk.node == Choice.owner(of: slot, among: nodes).map { nodes[$0] })
            }
        }
    }

    @Test("S9: claims of unbound clients go through on legacy routes with verify: pass, nowhere else")
    func claims() {
        for verify in GatewaySettings.Verify.allCases {
            for legacy in [false, true] {
                var settings = GatewaySettings.Route(name: "games", types: .applicationTypes)
                settings.legacy = legacy
                let route = ShardRoute(kind: .direct, index: 0, settings: settings, verify: verify, waitingTotal: SharedCount())
                #expect(route.passesClaims == (legacy && verify == .pass))
            }
        }
    }

    @Test("S13: clients pause at highWater, and busy begins at four times that")
    func marks() {
        let route = route(.direct) { $0.highWater = 1_000 }
        #expect(route.highWater == 1_000 && route.busyMark == 4_000)
    }
}
