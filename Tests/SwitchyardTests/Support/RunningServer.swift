import Logging
import Switchyard

/// A packet server for the time of a test.
func withServer(
    _ peers: PacketServerSettings.Peers = .gateways, lanes: Lanes? = nil, settings change: (inout PacketServerSettings) -> Void = { _ in },
    handlers: (inout PacketRouter) -> Void, body: (PacketServer) async throws -> Void
) async throws {
    var settings = PacketServerSettings(listen: .host("127.0.0.1", port: 0), peers: peers)
    settings.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    change(&settings)
    let server = PacketServer(settings, lanes: lanes, handlers: handlers)
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
