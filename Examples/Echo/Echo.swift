import Switchyard

/// A complete packet server: whatever a client of a gateway sends, it gets back.
///
///     Echo HOST:PORT            # on lanes
///     Echo HOST:PORT --inline   # on the event loop that read it, from where it lies
@main
struct Echo {
    static func main() async throws {
        let listen = Endpoint(CommandLine.arguments.dropFirst().first ?? "") ?? .host("127.0.0.1", port: 7100)
        try await PacketServer(listen: listen) { router in
            if CommandLine.arguments.contains("--inline") {
                router.inline(0...0xFEFF) { packet in try packet.reply() }
            } else {
                router.otherwise { packet, _ in packet }
            }
        }.runUntilSignal()
    }
}
