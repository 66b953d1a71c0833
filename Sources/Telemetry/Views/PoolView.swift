/// One upstream address of a pool as `/pools` shows it.
public struct PoolView: Sendable, Codable, Equatable {
    public var role: String
    public var route: String
    public var address: String
    /// up, down, ejected, probing or disabled.
    public var state: String
    public var connections: Int
    public var callsInFlight: Int
    /// Calls that wait for a connection.
    public var callsWaiting: Int

    public init(
        role: String, route: String, address: String, state: String, connections: Int = 0, callsInFlight: Int = 0, callsWaiting: Int = 0
    ) {
        self.role = role
        self.route = route
        self.address = address
        self.state = state
        self.connections = connections
        self.callsInFlight = callsInFlight
        self.callsWaiting = callsWaiting
    }

    /// The same address as another loop has it: up if it is up for any.
    public mutating func add(_ other: PoolView) {
        if state != "up", other.state != "down" { state = other.state }
        connections += other.connections
        callsInFlight += other.callsInFlight
        callsWaiting += other.callsWaiting
    }
}
