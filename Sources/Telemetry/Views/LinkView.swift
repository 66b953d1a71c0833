/// One link as `/links` shows it: a copy, made on the link's loop.
public struct LinkView: Sendable, Codable, Equatable {
    /// Unique in the process's life; what `/links/{id}/close` takes.
    public var id: UInt64
    public var role: String
    /// clients, route, hub, edges and so on: the values of the label `side`.
    public var side: String
    public var remote: String
    /// What the peer calls itself, or is registered as.
    public var name: String?
    public var route: String?
    /// As text: the numbers have 64 bits, and JSON readers keep 53.
    public var session: String?
    public var user: String?
    /// open, finishing, lingering or closed.
    public var state: String
    /// It is not read, because of a full queue elsewhere.
    public var paused: Bool
    public var queuedBytes: Int
    /// Bytes that were read and wait for their packet's end, or for a pause's.
    public var keptBytes: Int
    public var receivedBytes: Int
    public var writtenBytes: Int
    public var ageSeconds: Double
    /// Since the last complete frame.
    public var idleSeconds: Double
    /// Of a closed one: the code that ended it.
    public var code: String?
    public var closedSecondsAgo: Double?

    public init(
        id: UInt64, role: String, side: String, remote: String, name: String? = nil, route: String? = nil, session: UInt64? = nil,
        user: UInt64? = nil, state: String, paused: Bool = false, queuedBytes: Int = 0, keptBytes: Int = 0, receivedBytes: Int = 0,
        writtenBytes: Int = 0, ageSeconds: Double = 0, idleSeconds: Double = 0, code: String? = nil, closedSecondsAgo: Double? = nil
    ) {
        self.id = id
        self.role = role
        self.side = side
        self.remote = remote
        self.name = name
        self.route = route
        self.session = session.map { "\($0)" }
        self.user = user.map { "\($0)" }
        self.state = state
        self.paused = paused
        self.queuedBytes = queuedBytes
        self.keptBytes = keptBytes
        self.receivedBytes = receivedBytes
        self.writtenBytes = writtenBytes
        self.ageSeconds = ageSeconds
        self.idleSeconds = idleSeconds
        self.code = code
        self.closedSecondsAgo = closedSecondsAgo
    }
}
