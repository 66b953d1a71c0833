import Chat
import Links
import Logging
import NIOCore
import Switchyard

/// What stands behind the roles when `up` is started without a file: the example servers, in the same process, reached over the wire like
/// any others.
final class Demonstration: Sendable {
    /// The configuration of `up` without a file.
    static let configuration = """
        name: demonstration
        admin: { listen: "127.0.0.1:9090" }
        gateway:
          listen: 127.0.0.1:7000
          publicTypes: [1, 7]
          routes:
            - { name: chat, types: [1, 7, 100-104], to: ["127.0.0.1:7100"] }
        """

    private let chat: PacketServer

    init(log: ProcessSettings.Log) {
        var settings = PacketServerSettings(listen: .host("127.0.0.1", port: 7100))
        settings.name = "chat"
        settings.logger = LogLabel.logger("chat", log)
        chat = ChatService.server(settings)
    }

    func start() async throws { _ = try await chat.start() }

    /// The gateway has left by now, so there is nothing to wait for.
    func stop() async { await chat.drain(within: .seconds(1), atOnce: true) }
}
