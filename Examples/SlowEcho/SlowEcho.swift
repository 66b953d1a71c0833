import Switchyard

/// An echo that takes its time, and says on its output what it is doing: to look at lanes, at `busy`, and at how a server leaves.
///
///     slow-echo HOST:PORT MILLISECONDS DRAIN    # each answer takes that long; leaving may take DRAIN milliseconds
@main
struct SlowEcho {
    static func main() async throws {
        let words = CommandLine.arguments.dropFirst()
        let listen = Endpoint(words.first ?? "") ?? .host("127.0.0.1", port: 7100)
        let numbers = words.dropFirst().compactMap { Int64($0) }
        var settings = PacketServerSettings(listen: listen)
        settings.drainTimeout = .milliseconds(numbers.count > 1 ? numbers[1] : 30_000)
        try await PacketServer(settings) { router in
            router.otherwise { packet, _ in
                print("begin \(packet.text)")
                // Ends early when the server has no more time; the answer is given all the same.
                try? await Task.sleep(for: .milliseconds(numbers.first ?? 100))
                print("end \(packet.text)")
                return packet
            }
        }.runUntilSignal()
    }
}
