import Hub
import Links
import Membership
import Wire

extension YAMLWriter {
    mutating func hub(_ hub: HubSettings) {
        plain("id", hub.id)
        for (key, listen, options) in [("edges", hub.edges, hub.edgesOptions), ("services", hub.services, hub.servicesOptions)] {
            section(key) {
                $0.text("listen", listen.description)
                $0.options(options)
            }
        }
        join(hub.join, insecure: hub.insecure, claims: "types")
        plain("heartbeat", Quantity.text(duration: hub.heartbeat))
        plain("maxPending", Quantity.text(size: hub.maxPending))
        section("limits") {
            $0.plain("connections", hub.limits.connections.map { "\($0)" } ?? "unlimited")
            $0.plain("perAddress", hub.limits.perAddress.map { "\($0)" } ?? "unlimited")
        }
    }

    /// `token:`, `join:` and `insecure:` of a hub of either wire.
    mutating func join(_ list: JoinList, insecure: Bool, claims: String) {
        if let only = list.entries.first, list.entries == [.everything(token: only.token)] {
            if only.token != nil { text("token", Secret.mask) }
        } else {
            sections("join", list.entries) { writer, entry in
                if let name = entry.certificate { writer.text("certificate", name) } else { writer.text("token", Secret.mask) }
                if let role = entry.role { writer.plain("role", "\(role)") }
                writer.numbers("clusters", entry.clusters)
                writer.numbers("nodes", entry.nodes)
                writer.numbers(claims, entry.claims)
                if !entry.may.isEmpty { writer.list("may", entry.may.names) }
            }
        }
        if insecure { plain("insecure", true) }
    }

    private mutating func numbers(_ key: String, _ numbers: Ranges?) {
        guard let numbers else { return }
        list(key, numbers.ranges.map { $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" })
    }
}

extension JoinEntry.Permissions {
    var names: [String] {
        [(JoinEntry.Permissions.kick, "kick"), (.bind, "bind"), (.multicast, "multicast")].filter { contains($0.0) }.map(\.1)
    }
}
