import Hub
import Links
import Membership
import NIOCore
import Routing
import Wire

/// `hub:`.
struct HubSection {
    let settings: HubSettings

    /// - Parameter name: the process's, from which the hub's id is made when none is given.
    init(reading section: SectionReader, name: String) {
        let edgesSection = section.section("edges", ListenerSection.both)
        let servicesSection = section.section("services", ListenerSection.both)
        let (edges, services) = (edgesSection?.listen, servicesSection?.listen)
        for key in ["edges", "services"] where !section.has(key) { section.fail(key, "is missing; needs { listen: host:port }") }
        let join = JoinSection(reading: section, claims: "types")
        var settings = HubSettings(
            id: section.value("id", .identifier, default: Choice.fnv1a(name)), name: name, edges: edges ?? JoinSection.nowhere,
            services: services ?? JoinSection.nowhere, join: join.list)
        settings.edgesOptions = edgesSection?.options ?? ListenerOptions()
        settings.servicesOptions = servicesSection?.options ?? ListenerOptions()
        settings.insecure = join.insecure
        settings.heartbeat = section.value("heartbeat", .duration(), default: settings.heartbeat)
        settings.maxPending = section.value("maxPending", .size(), default: settings.maxPending)
        settings.limits = section.section("limits", MemberLimits.init(reading:)) ?? settings.limits
        self.settings = settings
        if let edges, let services {
            join.check([(edges, settings.edgesOptions), (services, settings.servicesOptions)], in: section)
        }
    }
}
