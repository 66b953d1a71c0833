public import Links
public import Logging
public import NIOCore
public import Routing

/// What a service behind hubs is told at start. Only the hubs have no default.
public struct ServiceLinkSettings: Sendable {
    /// The hubs' addresses for services; each is dialed for as long as the service runs.
    public var hubs: [Endpoint]
    /// How they are dialed, and what is shown to them; nil is plain.
    public var tls: DialerTLS?
    /// The join token; empty when the hubs ask for none.
    public var token: [UInt8] = []
    /// The cluster whose edges it serves; 0 serves every cluster that has no service of its own for a type.
    public var cluster: UInt32 = 1
    /// What tells this instance from others of its cluster: never 0, random unless it is given.
    public var node = UInt64.random(in: 1 ... .max)
    /// What it is called on dashboards, in labels and in logs: at most 255 bytes.
    public var name = "service"
    /// The packet types to register; nil registers those that have a handler.
    public var types: TypeSet?
    /// Bytes queued toward a hub from which the hub is not read, until half of them are gone.
    public var highWater = 1 << 20
    /// Bytes queued toward a hub beyond which packets that nobody asked for are dropped and counted `busy` (rule S13).
    public var maxPending = 8 << 20
    /// Bytes of all queues together (rule S13); nil is 1 GiB of its own.
    public var memory: MemoryBudget?
    /// How long leaving may take (rule S25).
    public var drainTimeout: TimeAmount = .seconds(30)
    /// Hears what an operator should.
    public var logger = Logger(label: "service")

    /// Settings for a service behind these hubs.
    public init(hubs: [Endpoint]) { self.hubs = hubs }
}
