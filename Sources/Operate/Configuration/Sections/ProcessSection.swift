import Gateway
import Links
import RPCProxy
import ThriftLink

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
        admin = document.section("admin", AdminSection.init(reading:))?.settings
        let gatewaySection = document.section("gateway", GatewaySection.init(reading:))
        gateway = gatewaySection?.settings
        gatewayHubs = gatewaySection?.hubs
        hub = document.section("hub") { [name] in HubSection(reading: $0, name: name).settings }
        rpcProxy = document.section("rpcProxy") { RPCProxySection(reading: $0).settings }
        rpcHub = document.section("rpcHub") { [name] in RPCHubSection(reading: $0, name: name).settings }
        rpcAgent = document.section("rpcAgent") { [name] in RPCAgentSection(reading: $0, name: name).settings }

        if !["gateway", "hub", "rpcProxy", "rpcHub", "rpcAgent"].contains(where: document.has) {
            document.report.warning(at: document.place, path: "", "no role is configured, so nothing will run; add `gateway:`")
        }
        document.report.checkListeners()
    }
}
