import Links
import RPCProxy
import Routing
import Sessions
import ThriftLink
import Wire

/// `rpcProxy:`.
struct RPCProxySection {
    let settings: RPCProxySettings

    init(reading section: SectionReader) {
        var settings = RPCProxySettings(listen: ListenerSection.read(section))
        settings.door = ThriftDoorSection.read(section, listen: settings.door.listen)
        let routes = section.sections("routes") { RPCRouteSection(reading: $0, maxFrame: settings.door.maxFrame) }
        settings.routes = routes.map(\.route)
        self.settings = settings
        for (index, route) in routes.enumerated() {
            for earlier in routes[..<index] { route.checkAgainst(earlier) }
        }
        if routes.isEmpty { section.warn("routes", "there is no route: every call will be answered noRoute") }
    }
}

/// What every listener for Thrift clients takes.
enum ThriftDoorSection {
    /// The whole frame stays below 16 MiB, so that a THeader cannot be mistaken for one.
    private static let longestFrame = 16 << 20

    static func read(_ section: SectionReader, listen: Endpoint) -> ThriftDoorSettings {
        var door = ThriftDoorSettings(listen: listen)
        door.options = ListenerSection.options(section)
        door.ordered = section.value("ordered", .flag, default: door.ordered)
        door.pipelining = section.value("pipelining", .number(in: 1...65_536, ambiguousZero: true), default: door.pipelining)
        door.maxFrame = section.value("maxFrame", .size(in: 1024...longestFrame), default: door.maxFrame)
        door.limits =
            section.section("limits") { limits in
                var read = door.limits
                read.connections = limits.limit("connections", .count, default: read.connections)
                read.perAddress = limits.limit("perAddress", .count, default: read.perAddress)
                read.maxPending = limits.value("maxPending", .size(), default: read.maxPending)
                return read
            } ?? door.limits
        return door
    }
}

/// One entry of `rpcProxy.routes`, and its section, so that routes can be compared once all are read.
struct RPCRouteSection {
    let section: SectionReader
    let route: RPCProxySettings.Route

    init(reading section: SectionReader, maxFrame: Int) {
        self.section = section
        let methods = RPCRouteSection.methods("methods", section)
        if !section.has("methods") { section.fail("methods", "is missing; needs method names, as in [\"*\"] or [login, chat:say]") }
        if !section.has("to") { section.fail("to", "is missing; a route needs `to: [host:port, ...]`") }
        var upstream = UpstreamSection.read(section)
        upstream.maxFrame = maxFrame
        let name = section.required("name", .label(maxBytes: 100)) ?? ""
        var route = RPCProxySettings.Route(name: name, methods: methods, upstream: upstream)
        route.idempotent = RPCRouteSection.methods("idempotent", section, mayBeEmpty: true)
        route.weight = section.value("weight", .number(in: 1...1000, ambiguousZero: true), default: route.weight)
        self.route = route
        if name == "none" { section.fail("name", "\"none\" is reserved; give the route another name") }
    }

    /// Names of methods; none stands there twice.
    private static func methods(_ key: String, _ section: SectionReader, mayBeEmpty: Bool = false) -> [String] {
        guard let items = section.list(key, .label(maxBytes: 1000), mayBeEmpty: mayBeEmpty) else { return [] }
        for (index, item) in items.enumerated() where items[..<index].contains(where: { $0.element == item.element }) {
            section.report.error(at: item.place, path: section.path(of: key), "\(item.element.quoted) stands there twice")
        }
        return items.map(\.element)
    }

    /// Reports a name that an earlier route has, and methods that they share in part: equal lists share by weight, others would be a guess.
    func checkAgainst(_ earlier: RPCRouteSection) {
        if !route.name.isEmpty, route.name == earlier.route.name {
            section.fail("name", "\(route.name.quoted) is the name of two routes; names must differ")
        }
        let (mine, theirs) = (Set(route.methods), Set(earlier.route.methods))
        guard mine != theirs, let both = mine.intersection(theirs).min() else { return }
        let names = "route \(earlier.route.name.quoted) and route \(route.name.quoted)"
        section.fail("methods", "\(both.quoted) is in \(names); only routes with equal methods share calls")
    }
}

/// The keys of whoever calls Thrift servers.
enum UpstreamSection {
    /// Reads them; `to` is the caller's to miss.
    static func read(_ section: SectionReader, defaults: UpstreamSettings = UpstreamSettings(to: [])) -> UpstreamSettings {
        var upstream = defaults
        upstream.to = section.peers("to") ?? []
        upstream.transport = section.value("transport", .word, default: upstream.transport)
        upstream.protocol = section.value("protocol", .upstreamProtocol, default: upstream.protocol)
        upstream.pools = section.value("pools", .number(in: 1...1024, ambiguousZero: true), default: upstream.pools)
        upstream.connections = section.value("connections", .number(in: 1...1024, ambiguousZero: true), default: upstream.connections)
        upstream.inFlight = section.value("inFlight", .number(in: 1...32_768, ambiguousZero: true), default: upstream.inFlight)
        upstream.balance = section.value("balance", .word, default: upstream.balance)
        upstream.timeout = section.value("timeout", .duration(), default: upstream.timeout)
        upstream.maxWaiting = section.value("maxWaiting", .number(in: 1...10_000_000, ambiguousZero: true), default: upstream.maxWaiting)
        upstream.tls = DialerSection.tls(section)
        return upstream
    }
}

extension Grammar where T == ThriftProtocol {
    /// The old binary form is read, never chosen.
    static var upstreamProtocol: Grammar {
        Grammar(expected: "one of binary, compact") { scalar throws(Misfit) in
            switch scalar.text {
            case "binary": .binary
            case "compact": .compact
            default: throw Misfit("\(scalar.text.quoted) is not one of binary, compact")
            }
        }
    }
}
