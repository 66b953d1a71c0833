public import Gateway
public import Hub
public import Links
public import Logging
public import NIOCore
public import RPCAgent
public import RPCHub
public import RPCProxy

/// What one process is told: itself, and the roles that it runs. Source: the configuration file; every default is the documented one.
public struct ProcessSettings: Sendable, Equatable {
    /// `log:`. Logs go to stderr.
    public struct Log: Sendable, Equatable {
        public enum Format: String, Sendable, CaseIterable { case text, json }
        public var level = Logger.Level.info
        public var format = Format.text
        public init() {}
    }

    /// `admin:`, the server for people and monitoring.
    public struct Admin: Sendable, Equatable {
        public var listen: Endpoint
        /// What requests must carry as a bearer token; nil asks for none.
        public var token: Secret?
        /// Who may connect, and how.
        public var options: ListenerOptions

        public init(listen: Endpoint, token: Secret? = nil, options: ListenerOptions = ListenerOptions()) {
            self.listen = listen
            self.token = token
            self.options = options
        }
    }

    /// `gateway.hubs:`, the hubs that a gateway dials.
    public struct Hubs: Sendable, Equatable {
        /// At least one, each once.
        public var to: [Endpoint]
        public var token: Secret?
        /// Absent: plain.
        public var tls: DialerTLS?

        public init(to: [Endpoint], token: Secret? = nil, tls: DialerTLS? = nil) {
            self.to = to
            self.token = token
            self.tls = tls
        }
    }

    /// Shown to peers and on the dashboard: 1 to 255 bytes.
    public var name: String
    /// Event loops: 1 to 64.
    public var loops: Int
    /// Threads that handlers may hold, started on demand (rule S8): 1 to 4,096.
    public var laneThreads = 64
    /// Bytes of all queues together (rule S13).
    public var memory: Int
    public var log = Log()
    /// Until what is still open is cut (rule S25).
    public var drainTimeout: TimeAmount = .seconds(30)
    /// Absent: no admin server.
    public var admin: Admin?
    /// Absent: the process is no gateway.
    public var gateway: GatewaySettings?
    /// The hubs of the gateway; nil when it uses none.
    public var gatewayHubs: Hubs?
    /// Absent: the process is no RPC proxy.
    public var rpcProxy: RPCProxySettings?

    /// Absent: the process is no hub.
    public var hub: HubSettings?

    /// Absent: the process is no RPC hub.
    public var rpcHub: RPCHubSettings?

    /// Absent: the process is no RPC agent.
    public var rpcAgent: RPCAgentSettings?

    /// The defaults on a machine; no role, no admin server.
    public init(machine: Machine = .current) {
        name = machine.hostName
        loops = min(machine.cores, Gateway.maxLoops)
        memory = max(1, machine.memory / 2)
    }
}
