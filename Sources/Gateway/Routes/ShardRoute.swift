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
    private(set) var settings: GatewaySettings.Route
    let format: WireFormat
    /// An unbound client's own user and token go through (`verify: pass`).
    @exclusivity(unchecked) private(set) var passesClaims = false
    @exclusivity(unchecked) private(set) var highWater = 0
    @exclusivity(unchecked) private(set) var busyMark = 0
    /// Connections that may be chosen. Guard: their loop's list holds them for good.
    @exclusivity(unchecked) var live = SlotTable<Unmanaged<Connection>>()
    /// Connections that are up and draining.
    var drainingCount = 0
    @exclusivity(unchecked) var counters = RouteCounters()
    /// Packets that wait for an upstream that is up (rule S4).
    var waiting = WaitingPackets()
    /// Bytes that wait so, over all loops.
    let waitingTotal: SharedCount
    let waitTimer = LoopTimer()
    /// A reload has taken it out: it gets no packets, and what it still has is on its way.
    var isRemoved = false

    /// - Parameter kind: what ``GatewaySettings/Route/hubs`` says, unless told otherwise.
    init(kind: Kind? = nil, index: Int, settings: GatewaySettings.Route, verify: GatewaySettings.Verify, waitingTotal: SharedCount) {
        self.kind = kind ?? (settings.hubs ? .hubs : .direct)
        self.index = index
        self.settings = settings
        self.waitingTotal = waitingTotal
        name = settings.name
        format = settings.wire
        update(settings, verify: verify)
    }

    /// What may change while connections stand; the rest of `settings` is as before.
    func update(_ settings: GatewaySettings.Route, verify: GatewaySettings.Verify) {
        self.settings = settings
        mark(settings.highWater)
        update(verify: verify)
    }

    func mark(_ highWater: Int) {
        self.highWater = highWater
        busyMark = highWater * 4
    }

    func update(verify: GatewaySettings.Verify) { passesClaims = verify == .pass && settings.legacy }

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
        if state == .up { live.insert(connection.trunk.node, .passUnretained(connection)) } else { live.remove(connection.trunk.node) }
    }
}
