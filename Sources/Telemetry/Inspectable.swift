/// How operating a process sees a role: snapshots, taken on the role's own loops, never on the path of a packet.
public protocol Inspectable: Sendable {
    /// The role's name in labels, logs and the configuration.
    var role: String { get }
    /// Every number of the role, now.
    func samples() async -> [Sample]
    /// What the role is doing, for `/status`.
    func status() async -> RoleStatus

    // Each of these has an empty default: a role fills in what it has. All are bounded in size, and take no loop for longer than a moment.

    /// Open links, the first of the query's order.
    func links(_ query: LinkQuery) async -> [LinkView]
    /// Links that ended, the latest of each loop, with the code that ended them.
    func closedLinks(_ query: LinkQuery) async -> [LinkView]
    func routes() async -> [RouteView]
    /// Identities that are registered here.
    func registry() async -> [RegistrationView]
    func pools() async -> [PoolView]
    func laneViews() async -> [LanesView]
    /// Packets and calls that wait.
    func pending() async -> [PendingView]
    /// Carries out a command.
    /// - Returns: how many links, sessions or connections it concerned; 0 when the role has nothing of the kind.
    func perform(_ command: RoleCommand) async -> Int
    /// Lets `tap` hear every link until ``untap(_:)`` with the same `id`.
    func tap(_ id: UInt64, _ tap: any StreamTap) async
    func untap(_ id: UInt64) async
}

extension Inspectable {
    public func links(_ query: LinkQuery) async -> [LinkView] { [] }
    public func closedLinks(_ query: LinkQuery) async -> [LinkView] { [] }
    public func routes() async -> [RouteView] { [] }
    public func registry() async -> [RegistrationView] { [] }
    public func pools() async -> [PoolView] { [] }
    public func laneViews() async -> [LanesView] { [] }
    public func pending() async -> [PendingView] { [] }
    public func perform(_ command: RoleCommand) async -> Int { 0 }
    public func tap(_ id: UInt64, _ tap: any StreamTap) async {}
    public func untap(_ id: UInt64) async {}
}

/// A role as the process that runs it sees it.
public protocol ProcessRole: Inspectable {
    /// Listens, dials, and serves.
    /// - Returns: where it listens, with the ports that the system gave where 0 was asked for, once the first attempt of each dialer has ended
    ///   (rule S18).
    /// - Throws: one clear line when it cannot start; then nothing of it runs.
    func start() async throws -> [RoleStatus.Listener]
    /// Leaves in order (rule S25); returns when everything is closed, after `limit` at the latest.
    /// - Parameter atOnce: what may take its time (a gateway's clients) is not spread over it.
    func drain(within limit: Duration, atOnce: Bool) async
}

/// A role's state in a form that is shown as JSON.
public struct RoleStatus: Sendable, Codable, Equatable {
    /// One place that the role listens on.
    public struct Listener: Sendable, Codable, Equatable {
        public var side: String
        public var address: String
        public init(side: String, address: String) {
            self.side = side
            self.address = address
        }
    }

    /// One connection that the role dials.
    public struct Peer: Sendable, Codable, Equatable {
        public var route: String
        public var address: String
        /// connecting, up, draining or down.
        public var state: String
        public var queuedBytes: Int
        public init(route: String, address: String, state: String, queuedBytes: Int) {
            self.route = route
            self.address = address
            self.state = state
            self.queuedBytes = queuedBytes
        }
    }

    public var role: String
    /// serving, draining or stopped.
    public var state: String
    public var listeners: [Listener]
    public var links: Int
    public var peers: [Peer]

    public init(role: String, state: String, listeners: [Listener], links: Int, peers: [Peer]) {
        self.role = role
        self.state = state
        self.listeners = listeners
        self.links = links
        self.peers = peers
    }
}
