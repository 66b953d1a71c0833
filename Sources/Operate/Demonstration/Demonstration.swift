import Chat
import Links
import Logging
import NIOCore
import Switchyard
import Telemetry

/// What stands behind the roles when `up` is started without a file: the example servers, in the same process, reached over the wire like
/// any others. The chat service dials the hub; a packet server of its own answers type 7 on a direct route; a Thrift server answers the
/// calls that come through the proxy, and those that the agent brings from the RPC hub.
final class Demonstration: Sendable {
    /// The configuration of `up` without a file.
    static let configuration = """
        name: demonstration
        admin: { listen: "127.0.0.1:9090" }
        hub:
          edges: { listen: "127.0.0.1:7200" }
          services: { listen: "127.0.0.1:7201" }
        gateway:
          listen: 127.0.0.1:7000
          publicTypes: [0-99]
          routes:
            - { name: echo, types: [7], to: ["127.0.0.1:7100"] }
            - { name: chat, types: [1, 100-104], hubs: true, waitForPeer: 2s }
          hubs: { to: ["127.0.0.1:7200"] }
        rpcProxy:
          listen: 127.0.0.1:7300
          routes:
            - { name: default, methods: ["*"], to: ["127.0.0.1:9100"], pools: 1, inFlight: 128 }
        rpcHub:
          callers: { listen: "127.0.0.1:7400" }
          agents: { listen: "127.0.0.1:7401" }
        rpcAgent:
          hubs: { to: ["127.0.0.1:7401"] }
          rpcIDs: [1-99]
          concurrency: 2048
          upstream: { to: ["127.0.0.1:9100"] }
        """

    private let server: PacketServer
    private let chat: ServiceLink
    private let thrift: RPCServer
    private let lanes: Lanes

    /// - Parameter laneThreads: the most threads on which handlers run.
    init(laneThreads: Int, log: LogSwitch) {
        lanes = Lanes(threads: laneThreads, logger: LogLabel.logger("lanes", log))
        var settings = PacketServerSettings(listen: .host("127.0.0.1", port: 7100))
        settings.name = "echo"
        settings.logger = LogLabel.logger("echo", log)
        server = PacketServer(settings) { router in router.inline(ChatService.echo) { packet, _ in packet } }
        var service = ServiceLinkSettings(hubs: [.host("127.0.0.1", port: 7201)])
        service.name = "chat"
        service.logger = LogLabel.logger("chat", log)
        chat = ChatService.behindHubs(service, lanes: lanes)
        thrift = DemonstrationThrift.server(lanes: lanes, log: log)
    }

    /// Shown beside the roles.
    var servers: [any Inspectable] { [server, chat] }

    /// Listens, before anything is dialed.
    func start() async throws {
        _ = try await server.start()
        try await thrift.start()
    }

    /// Dials the hub, once it listens.
    func join() async throws { _ = try await chat.start() }

    /// The gateway has left by now, so there is nothing to wait for.
    func stop() async {
        await chat.drain(within: .seconds(1), atOnce: true)
        await server.drain(within: .seconds(1), atOnce: true)
        await thrift.drain(within: .seconds(1), atOnce: true)
        lanes.stop()
    }
}
