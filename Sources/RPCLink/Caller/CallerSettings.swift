public import Links
public import NIOCore

/// What a caller tells its hubs, and how much it takes on. Only the hubs have no default.
public struct CallerSettings: Sendable, Equatable {
    /// The hubs' addresses for callers; each is dialed for as long as the caller runs.
    public var hubs: [Endpoint]
    /// The join token; empty when the hubs ask for none.
    public var token: [UInt8] = []
    /// Toward the hubs; absent: plain.
    public var tls: DialerTLS?
    /// What answers find it by: never 0, its own among all callers; nil is a random one at start.
    public var identifyID: UInt64?
    /// What it is called on dashboards and in the hubs' logs: at most 255 bytes.
    public var name = "caller"
    /// Of a call that names none.
    public var timeout: TimeAmount = .seconds(5)
    /// Calls that may be open at each hub; more are `busy`.
    public var window = 65_536
    /// Bytes queued toward one hub beyond which calls are `busy` (rule S13).
    public var maxPending = 8 << 20

    /// Settings for a caller of these hubs.
    public init(hubs: [Endpoint]) { self.hubs = hubs }
}
