import Chat
import Switchyard

/// A chat service in a process of its own.
///
///     swift run chat-service                              # for gateways, on 127.0.0.1:7100
///     swift run chat-service 127.0.0.1:7201 …             # behind these hubs
@main
enum ChatExample {
    static func main() async throws {
        let hubs = CommandLine.arguments.dropFirst().compactMap { Endpoint($0) }
        if hubs.isEmpty {
            try await ChatService.server(PacketServerSettings(listen: .host("127.0.0.1", port: 7100))).runUntilSignal()
        } else {
            try await ChatService.behindHubs(ServiceLinkSettings(hubs: hubs)).runUntilSignal()
        }
    }
}
