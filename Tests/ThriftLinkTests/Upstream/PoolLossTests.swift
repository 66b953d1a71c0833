import Links
import NIOCore
import Routing
import Testing
import Wire

@testable import ThriftLink

@Suite("Connections of an upstream pool that are lost")
struct PoolLossTests {
    /// A key whose calls go to that server.
    private func key(of server: PlayedServer, among servers: [PlayedServer]) -> UInt64 {
        func node(_ server: PlayedServer) -> UInt64 { Choice.fnv1a(server.address.text) }
        let nodes = servers.map(node)
        return (1 ... .max).first { Choice.owner(of: Choice.slot(of: $0), among: nodes) == nodes.firstIndex(of: node(server)) } ?? 0
    }

    @Test("S2, S3: a call of which something was written is lost with its connection; those behind it go another way, once each")
    func unsent() async throws {
        let servers = [try await PlayedServer(.deaf), try await PlayedServer(.polite)]
        let played = PlayedPool(to: servers.map(\.endpoint)) {
            $0.inFlight = 100
            $0.balance = .hash
        }
        try await played.eventLoop.flatSubmit { [pool = played.pool] in pool.start() }.get()
        let key = key(of: servers[0], among: servers)
        // More than two sockets hold, so that what comes behind it stays here.
        try await played.send(1, key: key, body: [UInt8](repeating: 0, count: 32 << 20))
        for token in 2...9 as ClosedRange<UInt64> { try await played.send(token, key: key) }
        #expect(try await played.on { $0.open } == 9)
        try await eventually("it is connected") { servers[0].connections == 1 }
        servers[0].dropConnections()
        try await eventually("every call has an outcome") { played.events.count >= 9 }
        #expect(played.events.sorted { $0.token < $1.token } == [.failed(1, .lost)] + (2...9).map { .answered($0) })
        #expect(try await played.on { $0.counters.rerouted } == 8)
        try await played.eventLoop.flatSubmit { [pool = played.pool] in pool.leave() }.get()
        #expect(played.events.count == 9)
        for server in servers { try await server.stop() }
    }
}
