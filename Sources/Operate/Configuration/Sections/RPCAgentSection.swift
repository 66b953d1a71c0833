import Membership
import NIOCore
import RPCAgent
import RPCLink
import Routing
import ThriftLink
import Wire

/// `rpcAgent:`.
struct RPCAgentSection {
    let settings: RPCAgentSettings

    /// - Parameter name: the process's, which the hubs are shown.
    init(reading section: SectionReader, name: String) {
        if !section.has("hubs") { section.fail("hubs", "is missing; needs { to: [host:port, ...] }") }
        let hubs = section.section("hubs", ProcessSettings.Hubs.init(reading:))
        if !section.has("rpcIDs") { section.fail("rpcIDs", "is missing; needs ids, as in [1, 10-19]") }
        let ids = section.numbers("rpcIDs", in: 0...UInt64(UInt32.max)) ?? Ranges([])
        var agent = AgentSettings(
            hubs: hubs?.to ?? [], rpcIDs: ids.ranges.map { UInt32(clamping: $0.lowerBound)...UInt32(clamping: $0.upperBound) })
        if agent.rpcIDs.count > Handshake.maxClaims {
            section.fail("rpcIDs", "has \(agent.rpcIDs.count) ranges; at most \(Handshake.maxClaims) can be registered")
        }
        agent.token = Array((hubs?.token?.value ?? "").utf8)
        agent.tls = hubs?.tls
        agent.node = section.optional("node", .identifier)
        agent.name = name
        agent.concurrency = section.value("concurrency", .number(in: 1...1_000_000, ambiguousZero: true), default: agent.concurrency)
        if !section.has("upstream") { section.fail("upstream", "is missing; needs { to: [host:port, ...] }") }
        var defaults = UpstreamSettings(to: [])
        (defaults.pools, defaults.connections, defaults.timeout) = (1, 16, .seconds(4))
        let upstream = section.section("upstream") { upstream in
            if !upstream.has("to") { upstream.fail("to", "is missing; an upstream needs `to: [host:port, ...]`") }
            return (UpstreamSection.read(upstream, defaults: defaults), upstream.value("method", .label(maxBytes: 1000), default: "rpc"))
        }
        var settings = RPCAgentSettings(agent: agent, upstream: upstream?.0 ?? defaults)
        settings.method = upstream?.1 ?? settings.method
        self.settings = settings
    }
}
