public import Links
public import ThriftLink

/// What an RPC proxy is told at start. Source: config, `rpcProxy:`; every default is the documented one.
public struct RPCProxySettings: Sendable, Equatable {
    /// One entry of `routes:`.
    public struct Route: Sendable, Equatable {
        public var name: String
        /// `service:method`, `method`, or `*` for all that no other route names. At least one.
        public var methods: [String]
        public var upstream: UpstreamSettings
        /// Of ``methods``' kind: methods that may be repeated when an upstream is lost (rule S3).
        public var idempotent: [String] = []
        /// Routes with equal methods share their calls by weight: 1 to 1,000.
        public var weight = 1

        public init(name: String, methods: [String], upstream: UpstreamSettings) {
            self.name = name
            self.methods = methods
            self.upstream = upstream
        }
    }

    /// Where clients connect, and how they are treated.
    public var door: ThriftDoorSettings
    public var routes: [Route] = []

    public init(listen: Endpoint) { door = ThriftDoorSettings(listen: listen) }
}
