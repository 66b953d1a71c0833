public import RPCLink
public import ThriftLink

/// What an RPC agent is told at start. Source: config, `rpcAgent:`; every default is the documented one.
public struct RPCAgentSettings: Sendable, Equatable {
    /// The hubs, and what it registers there.
    public var agent: AgentSettings
    /// The Thrift servers that it calls; its `timeout` bounds every call (rule S28).
    public var upstream: UpstreamSettings
    /// The method that it calls there.
    public var method = "rpc"

    public init(agent: AgentSettings, upstream: UpstreamSettings) {
        self.agent = agent
        self.upstream = upstream
    }
}
