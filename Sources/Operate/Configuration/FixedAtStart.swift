import Gateway
import Hub
import Links
import RPCAgent
import RPCHub
import RPCLink
import RPCProxy
import ThriftLink
import Wire

extension ProcessSettings {
    /// What a reload may not change (rule S26): listen addresses, loops, ES id, cluster, wire and roles, and what a part of the process takes
    /// at its start alone. One line for each change, naming the key, both values and what to do; empty when `next` can be taken over while running.
    public func changesThatNeedARestart(to next: ProcessSettings) -> [String] {
        var lines: [String] = []
        func compare<T: Equatable>(_ key: String, _ old: T, _ new: T) {
            if old != new { lines.append("\(key): cannot change from \(old) to \(new) while running; restart the process") }
        }
        func compareRole(_ key: String, _ old: Bool, _ new: Bool) {
            if old != new { lines.append("\(key): cannot be \(new ? "added" : "removed") while running; restart the process") }
        }
        compare("loops", loops, next.loops)
        compare("laneThreads", laneThreads, next.laneThreads)
        compareRole("admin", admin != nil, next.admin != nil)
        if let admin, let other = next.admin { compare("admin.listen", admin.listen, other.listen) }
        compareRole("gateway", gateway != nil, next.gateway != nil)
        if let gateway, let other = next.gateway {
            compare("gateway.listen", gateway.listen, other.listen)
            compare("gateway.esID", gateway.esID, other.esID)
            compare("gateway.cluster", gateway.cluster, other.cluster)
            compare("gateway.wire.byteOrder", gateway.wire.byteOrder, other.wire.byteOrder)
            compare("gateway.wire.length", gateway.wire.length, other.wire.length)
            compareRole("gateway.hubs", gatewayHubs != nil, next.gatewayHubs != nil)
            if let hubs = gatewayHubs, let other = next.gatewayHubs, hubs.tls != other.tls {
                lines.append("gateway.hubs.tls: cannot change while running; restart the process")
            }
        }
        compareRole("hub", hub != nil, next.hub != nil)
        if let hub, let other = next.hub {
            compare("hub.edges.listen", hub.edges, other.edges)
            compare("hub.services.listen", hub.services, other.services)
            compare("hub.id", hub.id, other.id)
        }
        compareRole("rpcProxy", rpcProxy != nil, next.rpcProxy != nil)
        if let rpcProxy, let other = next.rpcProxy { compare("rpcProxy.listen", rpcProxy.door.listen, other.door.listen) }
        compareRole("rpcHub", rpcHub != nil, next.rpcHub != nil)
        if let rpcHub, let other = next.rpcHub {
            compare("rpcHub.callers.listen", rpcHub.callers, other.callers)
            compare("rpcHub.agents.listen", rpcHub.agents, other.agents)
            compare("rpcHub.thrift.listen", rpcHub.thrift?.door.listen.description ?? "none", other.thrift?.door.listen.description ?? "none")
            compare("rpcHub.id", rpcHub.id, other.id)
            compare("rpcHub.maxFrame", Quantity.text(size: rpcHub.maxFrame), Quantity.text(size: other.maxFrame))
        }
        compareRole("rpcAgent", rpcAgent != nil, next.rpcAgent != nil)
        if let rpcAgent, let other = next.rpcAgent {
            compare("rpcAgent.node", rpcAgent.agent.node.map { "\($0)" } ?? "random", other.agent.node.map { "\($0)" } ?? "random")
            if rpcAgent.agent.tls != other.agent.tls { lines.append("rpcAgent.hubs.tls: cannot change while running; restart the process") }
        }
        return lines
    }
}
