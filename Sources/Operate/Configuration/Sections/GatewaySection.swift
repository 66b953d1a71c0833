import Gateway
import Links
import NIOCore
import Sessions
import Wire

/// `gateway:`.
struct GatewaySection {
    let settings: GatewaySettings
    let hubs: ProcessSettings.Hubs?

    init(reading section: SectionReader) {
        var settings = GatewaySettings(listen: ListenerSection.read(section))
        settings.options = ListenerSection.options(section)
        settings.esID = UInt32(section.value("esID", .number(in: 1...Int(PacketHeader.everyEdge) - 1), default: Int(settings.esID)))
        settings.cluster = UInt32(section.value("cluster", .number(in: 1...Int(UInt32.max)), default: Int(settings.cluster)))
        settings.wire = section.section("wire", WireFormat.init(reading:)) ?? settings.wire
        settings.verify = section.value("verify", .word, default: settings.verify)
        settings.publicTypes = section.typeSet("publicTypes") ?? settings.publicTypes
        settings.tellClients = section.value("tellClients", .flag, default: settings.tellClients)
        settings.limits = section.section("limits", GatewaySettings.Limits.init(reading:)) ?? settings.limits
        let routes = section.sections("routes", RouteSection.init(reading:))
        settings.routes = routes.map(\.route)
        settings.defaultRoute = section.value("default", .defaultRoute, default: settings.defaultRoute)
        settings.heartbeat = section.value("heartbeat", .duration(), default: settings.heartbeat)
        hubs = section.section("hubs", ProcessSettings.Hubs.init(reading:))
        self.settings = settings
        check(routes, in: section)
        warn(about: routes, in: section)
    }

    private static let noHubs = "there is no `gateway.hubs`: packets of these types will be answered noPeer"

    /// What single values do not show.
    private func check(_ routes: [RouteSection], in section: SectionReader) {
        for (index, route) in routes.enumerated() {
            for earlier in routes[..<index] { route.checkAgainst(earlier) }
        }
        switch settings.defaultRoute {
        case .none, .hubs: break
        case .route(let name):
            let names = routes.map(\.route.name)
            guard !names.contains(name) else { break }
            let hint = name.nearest(in: names + ["hubs", "none"]).map { "did you mean `\($0)`?" } ?? "use a route's name, hubs or none"
            section.fail("default", "there is no route \(name.quoted); \(hint)")
        }
    }

    private func warn(about routes: [RouteSection], in section: SectionReader) {
        if routes.isEmpty, settings.defaultRoute == .none { section.warn("routes", "there is no route: every packet will be answered noRoute") }
        if hubs == nil {
            for route in routes where route.route.hubs { route.section.warn("hubs", GatewaySection.noHubs) }
            if settings.defaultRoute == .hubs { section.warn("default", GatewaySection.noHubs) }
        }
        guard settings.verify == .pass else { return }
        if !settings.listen.isLoopback {
            section.warn(
                "verify",
                "pass lets every client that can reach \(settings.listen) claim any user; use strict unless the old servers check tokens themselves")
        }
        for route in routes where !route.route.legacy {
            route.section.warn("name", "route \(route.route.name.quoted) is not legacy: `verify: pass` sends it User_id and Token 0 until a BIND")
        }
    }
}

extension Grammar where T == GatewaySettings.DefaultRoute {
    static var defaultRoute: Grammar {
        Grammar(expected: "a route's name, hubs or none") { scalar throws(Misfit) in
            switch scalar.text {
            case "none": .none
            case "hubs": .hubs
            default: .route(scalar.text)
            }
        }
    }
}
