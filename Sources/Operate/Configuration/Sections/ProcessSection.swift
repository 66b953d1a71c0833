import Gateway
import Links

extension ProcessSettings {
    /// The document itself.
    init(reading document: SectionReader, machine: Machine) {
        self.init(machine: machine)
        name = document.value("name", .label(maxBytes: 255), default: name)
        loops = document.value("loops", .number(in: 1...Gateway.maxLoops, ambiguousZero: true), default: loops)
        laneThreads = document.value("laneThreads", .number(in: 1...4096, ambiguousZero: true), default: laneThreads)
        memory = document.value("memory", .size(in: 64 * Quantity.kibibyte...1 << 50), default: memory)
        log = document.section("log", Log.init(reading:)) ?? log
        drainTimeout = document.value("drainTimeout", .duration(), default: drainTimeout)
        let adminSection = document.section("admin", AdminSection.init(reading:))
        admin = adminSection?.settings
        let gatewaySection = document.section("gateway", GatewaySection.init(reading:))
        gateway = gatewaySection?.settings
        gatewayHubs = gatewaySection?.hubs
        hub = document.section("hub") { [name] in HubSection(reading: $0, name: name).settings }
        for role in ["rpcProxy", "rpcHub", "rpcAgent"] { document.notYet(role, "the \(role) role") }

        if !document.has("gateway"), !document.has("hub") {
            document.report.warning(at: document.place, path: "", "no role is configured, so nothing will run; add `gateway:`")
        }
        // With port 0 each of two listeners gets a port of its own.
        if let adminSection, let admin, let gateway, admin.listen == gateway.listen, !admin.listen.asksForAnyPort {
            adminSection.section.fail("listen", "\(admin.listen) is gateway.listen too; two listeners cannot share an address")
        }
    }
}

extension Endpoint {
    /// The system chooses the port.
    var asksForAnyPort: Bool {
        if case .host(_, port: 0) = self { true } else { false }
    }
}
