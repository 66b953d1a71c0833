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
        let adminSection = document.section("admin", AdminSection.init(reading:))
        admin = adminSection?.settings
        let gatewaySection = document.section("gateway", GatewaySection.init(reading:))
        gateway = gatewaySection?.settings
        gatewayHubs = gatewaySection?.hubs
        hub = document.section("hub") { [name] in HubSection(reading: $0, name: name).settings }
        let proxySection = document.section("rpcProxy") { (section: $0, read: RPCProxySection(reading: $0)) }
        rpcProxy = proxySection?.read.settings
        rpcHub = document.section("rpcHub") { [name] in RPCHubSection(reading: $0, name: name).settings }
        rpcAgent = document.section("rpcAgent") { [name] in RPCAgentSection(reading: $0, name: name).settings }

        if !["gateway", "hub", "rpcProxy", "rpcHub", "rpcAgent"].contains(where: document.has) {
            document.report.warning(at: document.place, path: "", "no role is configured, so nothing will run; add `gateway:`")
        }
        checkListeners([
            ("gateway.listen", nil, gateway?.listen), ("rpcProxy.listen", proxySection?.section, rpcProxy?.door.listen),
            ("admin.listen", adminSection?.section, admin?.listen),
        ])
    }

    /// Reports an address that two sections listen on, in the later one.
    private func checkListeners(_ listeners: [(key: String, section: SectionReader?, address: Endpoint?)]) {
        for (index, listener) in listeners.enumerated() {
            // With port 0 each of two listeners gets a port of its own.
            guard let address = listener.address, !address.asksForAnyPort else { continue }
            guard let earlier = listeners[..<index].first(where: { $0.address == address }) else { continue }
            listener.section?.fail("listen", "\(address) is \(earlier.key) too; two listeners cannot share an address")
        }
    }
}

extension Endpoint {
    /// The system chooses the port.
    var asksForAnyPort: Bool {
        if case .host(_, port: 0) = self { true } else { false }
    }
}
