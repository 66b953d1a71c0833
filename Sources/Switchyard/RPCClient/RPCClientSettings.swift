public import Links
public import Logging
public import NIOCore
public import Routing
import ThriftLink
public import Wire

/// Which servers an ``RPCClient`` calls, and how.
public struct RPCClientSettings: Sendable {
    /// At least one; every address that a host name stands for is a server, and names are looked up anew at every dial.
    public var to: [Endpoint]
    /// The method that typed calls name.
    public var method = "rpc"
    /// What the servers speak.
    public var transport = ThriftTransport.framed
    /// `binary` or `compact`.
    public var `protocol` = ThriftProtocol.binary
    /// Connections to each server, at least 1. A server that serves one connection after the other (Apache's `TSimpleServer`) needs 1.
    public var connections = 8
    /// Calls at once on one connection: 1 is what every server bears; more is pipelined, for servers that answer concurrently, and at most
    /// 65,536 (rule S22).
    public var inFlight = 1
    /// Which server takes a call. `hash` goes by `sharding_id`; calls with 0 all go one way.
    public var balance = Balance.leastInFlight
    /// From a call to its answer, unless the call says otherwise.
    public var timeout: TimeAmount = .seconds(5)
    /// Calls that wait for a connection; over it they are `busy`.
    public var maxWaiting = 10_000
    /// Bytes of calls that wait to be sent; over it calls are `busy` (rule S13).
    public var maxPending = 8 << 20
    /// The longest answer, in bytes.
    public var maxFrame = 16_384_000
    /// TLS toward the servers; nil is plain.
    public var tls: DialerTLS?
    /// What the client is called in logs.
    public var name = "rpcClient"
    /// Hears what an operator should.
    public var logger = Logger(label: "rpcClient")

    /// Settings for a client of these servers.
    public init(to: [Endpoint]) { self.to = to }

    var upstream: UpstreamSettings {
        var upstream = UpstreamSettings(to: to)
        upstream.transport = transport
        upstream.protocol = `protocol`
        upstream.pools = 1
        upstream.connections = max(connections, 1)
        upstream.inFlight = min(max(inFlight, 1), 1 << 16)
        upstream.balance = balance
        upstream.timeout = timeout
        upstream.maxWaiting = max(maxWaiting, 1)
        upstream.maxFrame = maxFrame
        upstream.tls = tls
        return upstream
    }
}
