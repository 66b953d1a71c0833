import Links
import Membership
import RPCHub
import ThriftLink
import Wire

extension YAMLWriter {
    mutating func rpcHub(_ hub: RPCHubSettings) {
        plain("id", hub.id)
        for (key, listen, options) in [("callers", hub.callers, hub.callersOptions), ("agents", hub.agents, hub.agentsOptions)] {
            section(key) {
                $0.text("listen", listen.description)
                $0.options(options)
            }
        }
        if let thrift = hub.thrift {
            section("thrift") {
                $0.text("listen", thrift.door.listen.description)
                if case .fixed(let id) = thrift.rpcID { $0.plain("rpcID", id) } else { $0.plain("rpcID", "type") }
                $0.door(thrift.door)
            }
        }
        join(hub.join, insecure: hub.insecure, claims: "rpcIDs")
        plain("heartbeat", Quantity.text(duration: hub.heartbeat))
        plain("maxPending", Quantity.text(size: hub.maxPending))
        section("limits") {
            $0.plain("connections", hub.limits.connections.map { "\($0)" } ?? "unlimited")
            $0.plain("perAddress", hub.limits.perAddress.map { "\($0)" } ?? "unlimited")
        }
        plain("timeout", Quantity.text(duration: hub.timeout))
        plain("maxTimeout", Quantity.text(duration: hub.maxTimeout))
        plain("maxFrame", Quantity.text(size: hub.maxFrame))
        plain("window", hub.window)
    }
}
