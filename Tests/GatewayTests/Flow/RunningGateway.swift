import Links
import Logging
import NIOCore
import NIOPosix
import Routing
import Telemetry
import Testing
import Wire

@testable import Gateway

/// The event loops that a gateway runs on.
enum Loops: CaseIterable {
    /// Those that a program gets that brings none.
    case own
    /// A program's own group of NIO's.
    case nio

    func start(threads: Int) -> any EventLoopGroup {
        switch self {
        case .own: EventLoops.start(threads: threads)
        case .nio: MultiThreadedEventLoopGroup(numberOfThreads: threads)
        }
    }
}

/// A gateway on real sockets of this machine, with upstreams, for the length of one test.
struct RunningGateway {
    let gateway: Gateway
    let port: Int
    let servers: [PacketServer]
    let clientGroup: MultiThreadedEventLoopGroup

    static let es: UInt32 = 9

    /// Starts it all, runs `body`, and stops it all, also when `body` throws.
    static func run(
        loops: Int, on kind: Loops = .own, servers count: Int = 1, connections: Int = 1, change: (inout GatewaySettings) -> Void = { _ in },
        answer: @escaping @Sendable (Packet) -> [Packet] = { $0.header.isControl ? [] : [$0] }, _ body: (RunningGateway) async throws -> Void
    ) async throws {
        let group = kind.start(threads: loops)
        let others = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        var servers: [PacketServer] = []
        for _ in 0..<count { servers.append(try await PacketServer.start(group: others, answer: answer)) }
        var settings = GatewaySettings(listen: .host("127.0.0.1", port: 0))
        settings.esID = RunningGateway.es
        var route = GatewaySettings.Route(name: "games", types: .applicationTypes, to: servers.map { .host("127.0.0.1", port: $0.port) })
        route.connections = connections
        settings.routes = [route]
        change(&settings)
        let gateway = Gateway(
            settings, group: group, memory: MemoryBudget(limit: 1 << 30), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        guard let address = try await gateway.start().first?.address, let port = address.split(separator: ":").last.flatMap({ Int($0) }) else {
            throw NotListening()
        }
        let running = RunningGateway(gateway: gateway, port: port, servers: servers, clientGroup: others)
        let result: Result<Void, any Error>
        do { result = .success(try await body(running)) } catch { result = .failure(error) }
        for server in servers { await server.stop() }
        await gateway.drain(within: .seconds(30), atOnce: true)
        try await group.shutdownGracefully()
        try await others.shutdownGracefully()
        try result.get()
    }

    private struct NotListening: Error {}

    func client() async throws -> PacketPeer { try await PacketPeer.connect(to: port, group: clientGroup) }

    /// Clients on every loop, each with the session that its first packet was given.
    func clients(_ count: Int) async throws -> [(peer: PacketPeer, session: UInt64)] {
        var clients: [(PacketPeer, UInt64)] = []
        for _ in 0..<count {
            let peer = try await client()
            peer.say([Packet(type: 1)])
            try await until("the first answer") { !peer.heard.isEmpty }
            clients.append((peer, peer.heard[0].header.session))
        }
        return clients
    }
}

/// Waits for a condition, at most half a minute.
func until(_ what: Comment, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, what)
        try await Task.sleep(for: .milliseconds(2))
    }
}
