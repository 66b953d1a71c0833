public import Links

/// What an agent tells its hubs, and how much it takes on. Only the hubs and the ids have no default.
public struct AgentSettings: Sendable, Equatable {
    /// The hubs' addresses for agents; each is dialed for as long as the agent runs.
    public var hubs: [Endpoint]
    /// The join token; empty when the hubs ask for none.
    public var token: [UInt8] = []
    /// Toward the hubs; absent: plain.
    public var tls: DialerTLS?
    /// What tells this instance from others: never 0; nil is a random one at start.
    public var node: UInt64?
    /// What it is called on dashboards and in the hubs' logs: at most 255 bytes.
    public var name = "agent"
    /// The RPC ids to register.
    public var rpcIDs: [ClosedRange<UInt32>]
    /// Calls that run at once, whichever hub they come from: what the hubs are told in HELLO, and more are answered `busy`. At least 1.
    public var concurrency = 256
    /// Bytes queued toward a hub from which the hub is not read, until half of them are gone.
    public var highWater = 1 << 20

    /// Settings for an agent at these hubs, with these RPC ids.
    public init(hubs: [Endpoint], rpcIDs: [ClosedRange<UInt32>]) {
        self.hubs = hubs
        self.rpcIDs = rpcIDs
    }
}
