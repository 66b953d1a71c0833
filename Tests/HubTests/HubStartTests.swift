import Foundation
import Links
import Logging
import Membership
import NIOCore
import NIOPosix
import Telemetry
import Testing

@testable import Hub

@Suite("Hub: start")
struct HubStartTests {
    @Test("A hub whose second port is taken says so and starts nothing: its first port is closed again, and it has nothing to leave")
    func portTaken() async throws {
        let taken = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(taken.localAddress?.port)
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("hub-\(UUID().uuidString).sock").path
        let settings = HubSettings(
            id: 1, name: "hub", edges: .unix(path: path), services: .host("127.0.0.1", port: port), join: JoinList([.everything(token: nil)]))
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let hub = Hub(settings, group: EventLoops.shared, memory: MemoryBudget(limit: 1 << 30), logger: quiet)
        let error = await #expect(throws: (any Error).self) { _ = try await hub.start() }
        #expect("\(try #require(error))".contains("127.0.0.1:\(port)"))
        await #expect(throws: (any Error).self) {
            try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(unixDomainSocketPath: path).get().close()
        }
        await hub.drain(within: .seconds(30), atOnce: false)
        #expect(await hub.status().state == "stopped")
        try await taken.close()
    }
}
