import Foundation
import Switchyard

/// A complete service behind hubs: it answers packets of the types 100 to 199 with their text in capital letters.
///
///     HUB_TOKEN=secret capitals-service NODE HOST:PORT...
@main
struct CapitalsService {
    static func main() async throws {
        let words = CommandLine.arguments.dropFirst()
        var settings = ServiceLinkSettings(hubs: words.dropFirst().compactMap(Endpoint.init))
        settings.node = UInt64(words.first ?? "") ?? settings.node
        settings.token = Array((ProcessInfo.processInfo.environment["HUB_TOKEN"] ?? "").utf8)
        try await ServiceLink(settings) { router in
            router.on(100...199) { packet, _ in Packet(type: packet.header.type, text: packet.text.uppercased()) }
        }.runUntilSignal()
    }
}
