import Links
import NIOCore
import NIOPosix
import Synchronization
import Testing
import Wire

@testable import ThriftLink

@Suite("Upstream pools that leave")
struct PoolLeavingTests {
    /// Look-ups of names, answered when a test says so; literal addresses are known at once.
    private final class Names: Sendable {
        private let asked = Mutex<[EventLoopPromise<[SocketAddress]>]>([])

        func resolve(_ endpoint: Endpoint, _ eventLoop: any EventLoop) -> EventLoopFuture<[SocketAddress]> {
            if case .host(let host, let port) = endpoint, let literal = try? SocketAddress(ipAddress: host, port: port) {
                return eventLoop.makeSucceededFuture([literal])
            }
            let promise = eventLoop.makePromise(of: [SocketAddress].self)
            asked.withLock { $0.append(promise) }
            return promise.futureResult
        }

        var count: Int { asked.withLock { $0.count } }

        func answer(_ result: Result<[SocketAddress], any Error>) {
            for promise in asked.withLock({ $0 }) { promise.completeWith(result) }
        }
    }

    private struct NoSuchName: Error {}

    private static let name = Endpoint.host("servers.test", port: 9100)

    /// What a pool promises: a promise that is not kept fails the test instead of stopping it.
    private final class Promised: Sendable {
        private let isKept = Mutex(false)

        init(_ played: PlayedPool, _ future: @escaping @Sendable (UpstreamPool) -> EventLoopFuture<Void>) {
            played.eventLoop.flatSubmit { [pool = played.pool] in future(pool) }.whenComplete { _ in self.isKept.withLock { $0 = true } }
        }

        func kept(sourceLocation: SourceLocation = #_sourceLocation) async throws {
            try await eventually("it is kept", sourceLocation: sourceLocation) { self.isKept.withLock { $0 } }
        }
    }

    private func task(_ played: PlayedPool, _ future: @escaping @Sendable (UpstreamPool) -> EventLoopFuture<Void>) -> Promised {
        Promised(played, future)
    }

    @Test("S25: a name whose addresses come when the pool has left is dialed no more")
    func lateAddresses() async throws {
        let server = try await PlayedServer(.silent)
        let names = Names()
        let played = PlayedPool(to: [Self.name], resolve: { names.resolve($0, $1) })
        let start = task(played) { $0.start() }
        try await eventually("the name is looked up") { names.count > 0 }
        try await task(played) { $0.leave() }.kept()
        names.answer(.success([server.address]))
        try await start.kept()
        #expect(try await played.on { $0.servers.count } == 0)
        #expect(server.connections == 0)
        try await server.stop()
    }

    @Test("a look-up that fails when the pool has left is not repeated, and nothing of the pool stays", arguments: [false, true])
    func lateFailure(isCut: Bool) async throws {
        let names = Names()
        weak var pool: UpstreamPool?
        do {
            let played = PlayedPool(to: [Self.name], resolve: { names.resolve($0, $1) })
            pool = played.pool
            let start = task(played) { $0.start() }
            try await eventually("the name is looked up") { names.count > 0 }
            if isCut { try await played.on { $0.cut() } }
            try await task(played) { $0.leave() }.kept()
            names.answer(.failure(NoSuchName()))
            try await start.kept()
            // What the answer set off has run.
            try await played.eventLoop.submit {}.get()
            #expect(played.events.isEmpty)
        }
        try await eventually("the pool is freed") { pool == nil }
    }

    @Test("S25: a call that waits for a connection when the last one dies while leaving is told draining")
    func waitingCall() async throws {
        let server = try await PlayedServer(.silent)
        let played = PlayedPool(to: [server.endpoint])
        try await task(played) { $0.start() }.kept()
        try await played.send(1)
        try await played.send(2)
        #expect(try await played.on { $0.waitingCalls } == 1)
        let left = task(played) { $0.leave() }
        try await played.send(3)
        try await eventually("it is connected") { server.connections > 0 }
        server.dropConnections()
        try await left.kept()
        let events = played.events.sorted { $0.token < $1.token }
        #expect(events == [.failed(1, .lost), .failed(2, .draining), .failed(3, .draining)])
        #expect(try await played.on { $0.waitingBytes } == 0)
        try await server.stop()
    }

    @Test("S25: a call that waits for a server that is being connected to is told draining when the pool leaves")
    func waitingForFirstConnection() async throws {
        let server = try await PlayedServer(.silent)
        let names = Names()
        let played = PlayedPool(to: [server.endpoint, Self.name], resolve: { names.resolve($0, $1) })
        // The other name's look-up keeps the pool from dialing.
        let start = task(played) { $0.start() }
        try await eventually("the name is looked up") { names.count > 0 }
        try await played.send(1)
        #expect(try await played.on { $0.waitingCalls } == 1)
        try await task(played) { $0.leave() }.kept()
        #expect(played.events == [.failed(1, .draining)])
        names.answer(.failure(NoSuchName()))
        try await start.kept()
        try await server.stop()
    }

    @Test("cutting a pool ends its start, though one name is never answered and no connection was ever dialed")
    func cutWhileStarting() async throws {
        let server = try await PlayedServer(.silent)
        let names = Names()
        let played = PlayedPool(to: [server.endpoint, Self.name], resolve: { names.resolve($0, $1) })
        let start = task(played) { $0.start() }
        try await eventually("the name is looked up") { names.count > 0 }
        try await played.on { $0.cut() }
        try await start.kept()
        try await task(played) { $0.leave() }.kept()
        names.answer(.success([server.address]))
        try await played.eventLoop.submit {}.get()
        #expect(server.connections == 0)
        try await server.stop()
    }

    @Test("leaving twice ends twice")
    func twice() async throws {
        let server = try await PlayedServer(.silent)
        let played = PlayedPool(to: [server.endpoint])
        try await task(played) { $0.start() }.kept()
        let first = task(played) { $0.leave() }
        try await task(played) { $0.leave() }.kept()
        try await first.kept()
        try await task(played) { $0.leave() }.kept()
        try await server.stop()
    }
}
