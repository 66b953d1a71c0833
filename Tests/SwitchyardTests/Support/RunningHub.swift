import Hub
import Logging
import Membership
import NIOCore
import Switchyard
import Synchronization
import Telemetry
import Testing
import Wire

/// A hub in this process.
final class RunningHub: Sendable {
    private let hub: Hub
    let edges: Endpoint
    let services: Endpoint
    private let hasEnded = Atomic<Bool>(false)

    private init(_ hub: Hub, edges: Endpoint, services: Endpoint) {
        self.hub = hub
        self.edges = edges
        self.services = services
    }

    /// - Parameter tls: of its port for services.
    static func start(id: UInt64 = 1, tls: ListenerTLS? = nil) async throws -> RunningHub {
        let anywhere = Endpoint.host("127.0.0.1", port: 0)
        var settings = HubSettings(id: id, name: "hub \(id)", edges: anywhere, services: anywhere, join: JoinList([.everything(token: nil)]))
        settings.servicesOptions.tls = tls
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let hub = Hub(settings, group: EventLoops.shared, memory: MemoryBudget(limit: 1 << 30), logger: logger)
        let listeners = try await hub.start()
        func address(_ side: Side) throws -> Endpoint {
            guard let listener = listeners.first(where: { $0.side == side.rawValue }), let endpoint = Endpoint(listener.address) else {
                throw NotListening()
            }
            return endpoint
        }
        return RunningHub(hub, edges: try address(.edges), services: try address(.services))
    }

    private struct NotListening: Error {}

    /// A gateway with that `Es_id`, which has been welcomed.
    func edge(_ es: UInt32, answer: @escaping @Sendable (Packet) -> [Packet] = { _ in [] }) async throws -> PacketPeer {
        let peer = try await PacketPeer.connect(to: edges, answer: answer)
        peer.say(Packet(Hello(role: .edge, cluster: 1, node: UInt64(es), name: "edge \(es)")))
        try await eventually("WELCOME") { peer.heard.contains { $0.type == ControlType.welcome.rawValue } }
        return peer
    }

    /// Ends it if it runs.
    func end() async {
        guard !hasEnded.exchange(true, ordering: .relaxed) else { return }
        await hub.drain(within: .milliseconds(300), atOnce: true)
    }
}

extension PacketPeer {
    /// The types in the last PEERS.
    var reachable: [ClosedRange<UInt32>] {
        let last = heard.last { $0.type == ControlType.peers.rawValue }
        guard let last, case .ranges(let claims)? = try? Peers(body: last.body, format: .standard) else { return [] }
        return claims.map { $0.lo...$0.hi }
    }

    /// Everything heard but the words between hub and edge.
    var words: [Packet] {
        heard.filter { packet in
            let own: [ControlType] = [.welcome, .peers, .ping, .pong, .drain, .reject]
            return !own.contains { $0.rawValue == packet.type }
        }
    }
}

/// A service behind hubs for the time of a test.
func withService(
    _ hubs: [RunningHub], settings change: (inout ServiceLinkSettings) -> Void = { _ in }, handlers: (inout PacketRouter) -> Void,
    body: (ServiceLink) async throws -> Void
) async throws {
    var settings = ServiceLinkSettings(hubs: hubs.map(\.services))
    settings.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    change(&settings)
    let service = ServiceLink(settings, handlers: handlers)
    _ = try await service.start()
    do {
        try await body(service)
    } catch {
        await service.drain(within: .milliseconds(100), atOnce: true)
        throw error
    }
    await service.drain(within: .milliseconds(500), atOnce: true)
}
