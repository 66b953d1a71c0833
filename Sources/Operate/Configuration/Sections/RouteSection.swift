import Gateway
import Routing
import Wire

/// One entry of `gateway.routes`, and its section, so that routes can be compared once all are read.
struct RouteSection {
    /// Names that mean something else in `default:`.
    private static let reserved = ["hubs", "none"]

    let section: SectionReader
    let route: GatewaySettings.Route

    init(reading section: SectionReader) {
        self.section = section
        var route = GatewaySettings.Route(name: section.required("name", .label(maxBytes: 100)) ?? "", types: section.typeSet("types") ?? TypeSet([]))
        route.to = section.peers("to") ?? []
        route.hubs = section.value("hubs", .flag, default: route.hubs)
        route.connections = section.value("connections", .number(in: 1...1024, ambiguousZero: true), default: route.connections)
        route.legacy = section.value("legacy", .flag, default: route.legacy)
        route.wire = section.section("wire", WireFormat.init(reading:)) ?? route.wire
        route.waitForPeer = section.optional("waitForPeer", .duration())
        route.waitBytes = section.value("waitBytes", .size(), default: route.waitBytes)
        route.highWater = section.value("highWater", .size(), default: route.highWater)
        route.tls = DialerSection.tls(section)
        self.route = route
        checkName()
        checkWay()
    }

    private func checkName() {
        if Self.reserved.contains(route.name) { section.fail("name", "\(route.name.quoted) is reserved; give the route another name") }
        if !section.has("types") { section.fail("types", "is missing; needs packet types, as in [7, 100-199]") }
    }

    /// A route leads to upstreams of its own or over the hubs, and some keys make sense for one of the two only.
    private func checkWay() {
        guard route.hubs else {
            if !section.has("to") { section.fail("to", "is missing; a route needs `to: [host:port, ...]` or `hubs: true`") }
            return
        }
        if section.has("to") { section.refuse("to", "a route has either `to` or `hubs: true`, not both") }
        for key in ["connections", "legacy", "wire", "tls"] {
            section.refuse(key, "makes sense with `to` only; links to hubs are the gateway's own, in `gateway.hubs`")
        }
    }

    /// Reports a name or a type that an earlier route has.
    func checkAgainst(_ earlier: RouteSection) {
        if !route.name.isEmpty, route.name == earlier.route.name {
            section.fail("name", "\(route.name.quoted) is the name of two routes; names must differ")
        }
        if let type = earlier.route.types.firstShared(with: route.types) {
            section.fail("types", "type \(type) is in route \(earlier.route.name.quoted) and in route \(route.name.quoted); a type has one route")
        }
    }
}
