public import Links
public import NIOCore
public import Routing
public import Sessions
public import Wire

/// What a gateway is told at start. Source: config, `gateway:`; every default is the documented one.
public struct GatewaySettings: Sendable, Equatable {
    /// What a gateway does with the `User_id` and `Token` that a client claims (rule S9).
    public typealias Verify = Identity.Verify
    /// Limits on clients (rules S13, S15, S16).
    public typealias Limits = ClientLimits

    /// Where packets of a type that no route names go.
    public enum DefaultRoute: Sendable, Equatable {
        /// Nowhere: they are answered `noRoute`.
        case none
        /// Over the hubs.
        case hubs
        /// The route of that name.
        case route(String)
    }

    /// One entry of `routes:`.
    public struct Route: Sendable, Equatable {
        public var name: String
        public var types: TypeSet
        /// The upstream addresses; empty exactly when ``hubs`` is set.
        public var to: [Endpoint] = []
        /// The packets travel over the hubs.
        public var hubs = false
        /// Connections per address.
        public var connections = 1
        /// An old packet server: no control packet is ever sent to it or obeyed from it.
        public var legacy = false
        public var wire = WireFormat.standard
        /// How long packets wait for an upstream that is up; nil fails fast (rule S4).
        public var waitForPeer: TimeAmount?
        /// Bytes that may wait so.
        public var waitBytes = 1 << 20
        /// Bytes queued toward one connection before its senders are not read (rule S13).
        public var highWater = 1 << 20
        /// Toward the upstreams; nil is plain.
        public var tls: DialerTLS?

        public init(name: String, types: TypeSet, to: [Endpoint] = [], hubs: Bool = false) {
            self.name = name
            self.types = types
            self.to = to
            self.hubs = hubs
        }
    }

    /// The hubs that the gateway dials, and how it presents itself (rule S30).
    public struct Hubs: Sendable, Equatable {
        public var to: [Endpoint]
        /// The join token; at most 65,535 bytes.
        public var token: [UInt8]
        /// Shown to the hubs; at most 255 bytes.
        public var name: String
        /// Nil is plain.
        public var tls: DialerTLS?

        public init(to: [Endpoint], token: [UInt8] = [], name: String = "", tls: DialerTLS? = nil) {
            self.to = to
            self.token = token
            self.name = name
            self.tls = tls
        }
    }

    public var listen: Endpoint
    /// Which clients may connect, and how.
    public var options = ListenerOptions()
    public var esID: UInt32 = 1
    public var cluster: UInt32 = 1
    public var wire = WireFormat.standard
    public var verify = Verify.strict
    /// Types that an unbound session may send.
    public var publicTypes = TypeSet.applicationTypes
    /// Whether clients hear UNDELIVERED and REJECT.
    public var tellClients = true
    public var limits = Limits()
    public var routes: [Route] = []
    public var defaultRoute = DefaultRoute.none
    /// Nil: packets for hubs are answered `noPeer`.
    public var hubs: Hubs?
    /// On direct routes (rule S17).
    public var heartbeat: TimeAmount = .seconds(10)

    public init(listen: Endpoint) { self.listen = listen }
}
