public import Links
public import Logging
public import NIOCore
public import Sessions
import ThriftLink

/// Which calls of an ``RPCServer`` wait for each other.
public enum RPCOrder: Sendable, Hashable, CaseIterable {
    /// None: each call is begun as it comes. The default.
    case concurrent
    /// Calls with equal `sharding_id` that is not 0 are handled one after the other, in the order in which they came, on lanes (rule S8);
    /// all others at once. A lane holds 1,024 calls, after which `busy` is answered. Calls of several connections have the order in
    /// which the server read them.
    case shardingID
}

/// How an ``RPCServer`` serves; every default is sensible for a server within a fleet.
public struct RPCServerSettings: Sendable {
    /// Where to listen; port 0 lets the system choose.
    public var listen: Endpoint
    /// Who may connect, and TLS.
    public var options = ListenerOptions()
    /// The method that the server's own handler answers.
    public var method = "rpc"
    /// Which calls are handled one after the other.
    public var order = RPCOrder.concurrent
    /// Answers on one connection go out in the order of its calls; otherwise as they are ready, for clients that match sequence ids
    /// (rule S24).
    public var ordered = true
    /// Calls of one connection that may be open; with as many it is not read. At least 1.
    public var pipelining = 1024
    /// The longest message, in bytes; a longer one closes its connection (rule S15).
    public var maxFrame = 16_384_000
    /// `connections`, `perAddress` and `maxPending` count; the latter is how many bytes may be held for one connection, its calls in handlers
    /// and its answers that wait together, before it is not read.
    public var limits = ClientLimits()
    /// Bytes of all connections together (rule S13); nil is 1 GiB of its own.
    public var memory: MemoryBudget?
    /// How long leaving may take (rule S25).
    public var drainTimeout: TimeAmount = .seconds(30)
    /// What the server is called in labels, logs and `/status`.
    public var name = "rpcServer"
    /// Hears what an operator should.
    public var logger = Logger(label: "rpcServer")

    /// Settings for a server at `listen`.
    public init(listen: Endpoint) { self.listen = listen }

    var door: ThriftDoorSettings {
        var door = ThriftDoorSettings(listen: listen)
        door.options = options
        door.ordered = ordered
        door.pipelining = max(pipelining, 1)
        door.maxFrame = maxFrame
        door.limits = limits
        return door
    }
}
