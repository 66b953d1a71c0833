public import Links
public import NIOCore
public import Routing
public import Wire

/// The servers behind one route or agent, and how calls go to them. Source: config, `rpcProxy.routes`; every default is the documented one.
public struct UpstreamSettings: Sendable, Equatable {
    /// At least one; every address that a name stands for is a server.
    public var to: [Endpoint]
    public var transport = ThriftTransport.framed
    public var `protocol` = ThriftProtocol.binary
    /// An address gets `pools` times `connections` connections, as in the old fleet.
    public var pools = 4
    public var connections = 8
    /// Calls at once on one connection; more than 1 is pipelined (rule S22).
    public var inFlight = 1
    public var balance = Balance.leastInFlight
    /// From a call's arrival to its answer.
    public var timeout: TimeAmount = .seconds(5)
    /// Calls that wait for a connection; over it they are `busy`.
    public var maxWaiting = 10_000
    /// The longest answer, in bytes.
    public var maxFrame = 16_384_000

    /// Absent: plain.
    public var tls: DialerTLS?

    public init(to: [Endpoint]) { self.to = to }

    package var form: ThriftForm { ThriftForm(transport, `protocol`) }
    package var connectionsPerServer: Int { pools * connections }

    /// The connections per address of one of `count` loops that share them; each loop has at least one.
    package func share(of loop: Int, among count: Int) -> Int {
        max(1, connectionsPerServer / count + (loop < connectionsPerServer % count ? 1 : 0))
    }
}
