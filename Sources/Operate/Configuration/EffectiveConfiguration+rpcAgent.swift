import Links
import RPCAgent
import RPCLink

extension YAMLWriter {
    mutating func rpcAgent(_ settings: RPCAgentSettings) {
        let agent = settings.agent
        if let node = agent.node { plain("node", node) }
        section("hubs") {
            $0.list("to", agent.hubs.map(\.description))
            if !agent.token.isEmpty { $0.text("token", Secret.mask) }
            $0.tls(agent.tls)
        }
        list("rpcIDs", agent.rpcIDs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" })
        plain("concurrency", agent.concurrency)
        section("upstream") {
            $0.upstream(settings.upstream)
            $0.text("method", settings.method)
        }
    }
}
