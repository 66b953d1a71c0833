public import Links
public import Membership
public import NIOCore

/// What a hub is told at start. Source: config, `hub:`; every default is the documented one.
public struct HubSettings: Sendable, Equatable {
    /// Must differ between hubs; by default the FNV-1a 64 of ``name``.
    public var id: UInt64
    /// Shown to peers.
    public var name: String
    public var edges: Endpoint
    public var services: Endpoint
    /// Who may connect there, and how.
    public var edgesOptions = ListenerOptions()
    public var servicesOptions = ListenerOptions()
    public var join: JoinList
    /// What dialers are told to keep, and what this side keeps (rule S17).
    public var heartbeat: TimeAmount = .seconds(10)
    /// Bytes queued toward one link before its senders are told `busy` (rule S13).
    public var maxPending = 8 << 20
    public var limits = MemberLimits()
    /// The operator accepts that anyone may register, even from other machines.
    public var insecure = false

    public init(id: UInt64, name: String, edges: Endpoint, services: Endpoint, join: JoinList) {
        self.id = id
        self.name = name
        self.edges = edges
        self.services = services
        self.join = join
    }
}
