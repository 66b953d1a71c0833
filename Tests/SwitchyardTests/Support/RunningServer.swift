import Logging
import NIOCore
import NIOPosix
import Switchyard

/// The event loops that a server runs on.
enum Loops: CaseIterable {
    /// Those that a program gets that brings none.
    case own
    /// A program's own group of NIO's.
    case nio

    var group: any EventLoopGroup {
        switch self {
        case .own: EventLoops.shared
        case .nio: MultiThreadedEventLoopGroup.singleton
        }
    }
}

/// A packet server for the time of a test.
func withServer(
    _ peers: PacketServerSettings.Peers = .gateways, lanes: Lanes? = nil, group: any EventLoopGroup = EventLoops.shared,
    settings change: (inout PacketServerSettings) -> Void = { _ in }, handlers: (inout PacketRouter) -> Void,
    body: (PacketServer) async throws -> Void
) async throws {
    var settings = PacketServerSettings(listen: .host("127.0.0.1", port: 0), peers: peers)
    settings.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    change(&settings)
    let server = PacketServer(settings, lanes: lanes, group: group, handlers: handlers)
    _ = try await server.start()
    do {
        try await body(server)
    } catch {
        await server.drain(within: .milliseconds(100), atOnce: true)
        throw error
    }
    await server.drain(within: .milliseconds(500), atOnce: true)
}

/// As a gateway sends it.
func packet(_ type: UInt16, _ text: String = "", user: UInt64 = 0, es: UInt32 = 1, session: UInt64 = 1) -> Packet {
    Packet(type: type, user: user, es: es, session: session, body: ByteBuffer(string: text))
}
