/// One route as `/routes` shows it, summed over the loops.
public struct RouteView: Sendable, Codable, Equatable {
    /// One connection that the route may choose.
    public struct Upstream: Sendable, Codable, Equatable {
        public var address: String
        /// up, draining, down or disabled.
        public var state: String
        public var queuedBytes: Int

        public init(address: String, state: String, queuedBytes: Int) {
            self.address = address
            self.state = state
            self.queuedBytes = queuedBytes
        }
    }

    public var role: String
    public var name: String
    /// direct, hubs or none; thrift for calls.
    public var kind: String
    /// Packet types, methods or RPC ids.
    public var covers: [String]
    public var isDefault: Bool
    public var upstreams: [Upstream]
    public var packetsIn: Int
    public var packetsOut: Int
    /// By code.
    public var undelivered: [String: Int]
    /// Bytes that wait for an upstream.
    public var waitingBytes: Int

    public init(
        role: String, name: String, kind: String, covers: [String], isDefault: Bool = false, upstreams: [Upstream] = [], packetsIn: Int = 0,
        packetsOut: Int = 0, undelivered: [String: Int] = [:], waitingBytes: Int = 0
    ) {
        self.role = role
        self.name = name
        self.kind = kind
        self.covers = covers
        self.isDefault = isDefault
        self.upstreams = upstreams
        self.packetsIn = packetsIn
        self.packetsOut = packetsOut
        self.undelivered = undelivered
        self.waitingBytes = waitingBytes
    }

    /// The same route as another loop has it.
    public mutating func add(_ other: RouteView) {
        upstreams += other.upstreams
        packetsIn += other.packetsIn
        packetsOut += other.packetsOut
        undelivered.merge(other.undelivered, uniquingKeysWith: +)
        waitingBytes += other.waitingBytes
    }
}
