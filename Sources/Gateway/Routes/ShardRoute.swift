import Links
import NIOCore
import Routing
import Sessions
import Wire

/// One route as one event loop sees it: which connections are live, what waits, what was counted.
final class ShardRoute {
    /// Where packets of the route's types go.
    enum Kind { case direct, hubs, none }

    let kind: Kind
    let index: Int
    let name: String
    let settings: GatewaySettings.Route
    let format: WireFormat
    /// An unbound client's own user and token go through (`verify: pass`).
    let passesClaims: Bool
    let highWater: Int
    let busyMark: Int
    /// Connections that may be chosen.
    @exclusivity(unchecked) var live = SlotTable<Connection>()
    /// Connections that are up and draining.
    var drainingCount = 0
    @exclusivity(unchecked) var counters = RouteCounters()
    /// Packets that wait for an upstream that is up (rule S4).
    var waiting = WaitingPackets()
    let waitTimer = LoopTimer()

    init(kind: Kind, index: Int, settings: GatewaySettings.Route, verify: GatewaySettings.Verify) {
        self.kind = kind
        self.index = index
        self.settings = settings
        name = settings.name
        format = settings.wire
        passesClaims = verify == .pass && settings.legacy
        highWater = settings.highWater
        busyMark = settings.highWater * 4
    }

    /// What failing fast says while there is no live connection (rules S4, S19).
    var absence: Code {
        switch kind {
        case .none: .noRoute
        case .hubs: .noPeer
        case .direct: drainingCount > 0 ? .draining : .noPeer
        }
    }

    /// Works a connection's new state into the choice.
    func update(_ connection: Connection, to state: Connection.State) {
        if connection.state == .draining { drainingCount -= 1 }
        if state == .draining { drainingCount += 1 }
        connection.state = state
        if state == .up { live.insert(connection.trunk.node, connection) } else { live.remove(connection.trunk.node) }
    }
}
