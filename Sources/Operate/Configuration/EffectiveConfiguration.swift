import Gateway
import Links
import Logging
import NIOCore
import RPCProxy
import Routing
import Sessions
import ThriftLink
import Wire

/// What a process would run with: every value, defaults filled in. `check` prints it.
public enum EffectiveConfiguration {
    /// The settings under their documented names and in documented order, as a file that loads to the same settings once every masked secret
    /// is replaced. The same settings always give the same text.
    public static func yaml(of settings: ProcessSettings) -> String {
        var writer = YAMLWriter()
        writer.text("name", settings.name)
        writer.plain("loops", settings.loops)
        writer.plain("laneThreads", settings.laneThreads)
        writer.plain("memory", Quantity.text(size: settings.memory))
        writer.section("log") {
            $0.plain("level", settings.log.level.rawValue)
            $0.plain("format", settings.log.format.rawValue)
        }
        writer.duration("drainTimeout", settings.drainTimeout)
        if let admin = settings.admin {
            writer.section("admin") {
                $0.text("listen", admin.listen.description)
                $0.options(admin.options)
                $0.secret("token", admin.token)
            }
        }
        if let gateway = settings.gateway { writer.section("gateway") { $0.gateway(gateway, hubs: settings.gatewayHubs) } }
        if let hub = settings.hub { writer.section("hub") { $0.hub(hub) } }
        if let proxy = settings.rpcProxy { writer.section("rpcProxy") { $0.rpcProxy(proxy) } }
        if let rpcHub = settings.rpcHub { writer.section("rpcHub") { $0.rpcHub(rpcHub) } }
        if let agent = settings.rpcAgent { writer.section("rpcAgent") { $0.rpcAgent(agent) } }
        return writer.document
    }
}

extension YAMLWriter {
    /// What a listener asks of whoever connects; nothing is written for what is not asked.
    mutating func options(_ options: ListenerOptions) {
        for (key, ranges) in [("allow", options.allow), ("deny", options.deny), ("proxyProtocol", options.proxyProtocol)] where !ranges.isEmpty {
            list(key, ranges.map(\.description))
        }
        guard let tls = options.tls else { return }
        section("tls") {
            $0.text("certificate", tls.certificate)
            $0.text("key", tls.key)
            if let clients = tls.clients { $0.text("clients", clients) }
        }
    }

    /// TLS of a dialer.
    mutating func tls(_ tls: DialerTLS?) {
        guard let tls else { return }
        let entries = [("ca", tls.ca), ("name", tls.name), ("certificate", tls.certificate), ("key", tls.key)]
        guard entries.contains(where: { $0.1 != nil }) else { return plain("tls", "{}") }
        section("tls") { writer in for case (let key, let value?) in entries { writer.text(key, value) } }
    }

    fileprivate mutating func gateway(_ gateway: GatewaySettings, hubs: ProcessSettings.Hubs?) {
        text("listen", gateway.listen.description)
        options(gateway.options)
        plain("esID", gateway.esID)
        plain("cluster", gateway.cluster)
        wire(gateway.wire)
        plain("verify", gateway.verify.rawValue)
        types("publicTypes", gateway.publicTypes)
        plain("tellClients", gateway.tellClients)
        section("limits") { $0.limits(gateway.limits) }
        sections("routes", gateway.routes) { $0.route($1) }
        text("default", gateway.defaultRoute.text)
        duration("heartbeat", gateway.heartbeat)
        if let hubs {
            section("hubs") {
                $0.list("to", hubs.to.map(\.description))
                $0.secret("token", hubs.token)
                $0.tls(hubs.tls)
            }
        }
    }

    private mutating func limits(_ limits: GatewaySettings.Limits) {
        plain("connections", limits.connections.map { "\($0)" } ?? "unlimited")
        plain("perAddress", limits.perAddress.map { "\($0)" } ?? "unlimited")
        plain("packetsPerSecond", limits.packetsPerSecond.map { "\($0)" } ?? "unlimited")
        plain("bytesPerSecond", limits.bytesPerSecond.map { Quantity.text(size: $0) } ?? "unlimited")
        size("maxPending", limits.maxPending)
        duration("handshake", limits.handshake)
        duration("idle", limits.idle)
    }

    private mutating func route(_ route: GatewaySettings.Route) {
        text("name", route.name)
        types("types", route.types)
        if route.hubs {
            plain("hubs", true)
        } else {
            list("to", route.to.map(\.description))
            plain("connections", route.connections)
            plain("legacy", route.legacy)
            wire(route.wire)
            tls(route.tls)
        }
        if let wait = route.waitForPeer { duration("waitForPeer", wait) }
        size("waitBytes", route.waitBytes)
        size("highWater", route.highWater)
    }

    fileprivate mutating func rpcProxy(_ proxy: RPCProxySettings) {
        text("listen", proxy.door.listen.description)
        door(proxy.door)
        sections("routes", proxy.routes) { writer, route in
            writer.text("name", route.name)
            writer.list("methods", route.methods)
            writer.upstream(route.upstream)
            writer.list("idempotent", route.idempotent)
            writer.plain("weight", route.weight)
        }
    }

    /// A listener for Thrift clients, but for its address.
    mutating func door(_ door: ThriftDoorSettings) {
        options(door.options)
        plain("ordered", door.ordered)
        plain("pipelining", door.pipelining)
        size("maxFrame", door.maxFrame)
        section("limits") {
            $0.plain("connections", door.limits.connections.map { "\($0)" } ?? "unlimited")
            $0.plain("perAddress", door.limits.perAddress.map { "\($0)" } ?? "unlimited")
            $0.size("maxPending", door.limits.maxPending)
        }
    }

    mutating func upstream(_ upstream: UpstreamSettings) {
        list("to", upstream.to.map(\.description))
        plain("transport", upstream.transport.rawValue)
        plain("protocol", upstream.protocol.rawValue)
        plain("pools", upstream.pools)
        plain("connections", upstream.connections)
        plain("inFlight", upstream.inFlight)
        plain("balance", upstream.balance.rawValue)
        duration("timeout", upstream.timeout)
        plain("maxWaiting", upstream.maxWaiting)
        tls(upstream.tls)
    }

    private mutating func wire(_ wire: WireFormat) {
        section("wire") {
            $0.plain("byteOrder", wire.byteOrder.rawValue)
            $0.plain("length", wire.length.rawValue)
        }
    }

    private mutating func types(_ key: String, _ types: TypeSet) {
        list(key, types.ranges.map { TypeSet([$0]).description })
    }

    private mutating func size(_ key: String, _ bytes: Int) { plain(key, Quantity.text(size: bytes)) }
    fileprivate mutating func duration(_ key: String, _ duration: TimeAmount) { plain(key, Quantity.text(duration: duration)) }
    fileprivate mutating func secret(_ key: String, _ secret: Secret?) { if secret != nil { text(key, Secret.mask) } }
}

extension GatewaySettings.DefaultRoute {
    fileprivate var text: String {
        switch self {
        case .none: "none"
        case .hubs: "hubs"
        case .route(let name): name
        }
    }
}
