/// One registered identity as `/registry` of a hub shows it.
public struct RegistrationView: Sendable, Codable, Equatable {
    public var role: String
    /// edges, services, callers or agents.
    public var side: String
    /// ES id, instance, identify id, as text.
    public var node: String
    public var cluster: UInt32
    /// What it calls itself.
    public var name: String
    /// up or draining.
    public var state: String
    /// Packet types or RPC ids, as ranges.
    public var claims: [String]
    public var remote: String
    /// Of the link: see ``LinkView/id``.
    public var link: UInt64?
    public var generation: UInt64

    public init(
        role: String, side: String, node: UInt64, cluster: UInt32, name: String, state: String, claims: [String], remote: String, link: UInt64?,
        generation: UInt64
    ) {
        self.role = role
        self.side = side
        self.node = "\(node)"
        self.cluster = cluster
        self.name = name
        self.state = state
        self.claims = claims
        self.remote = remote
        self.link = link
        self.generation = generation
    }
}
