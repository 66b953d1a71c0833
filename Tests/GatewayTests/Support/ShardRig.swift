import Links
import Logging
import NIOCore
import NIOEmbedded
import Routing
import Telemetry
import Wire

@testable import Gateway

/// A gateway's event loops without sockets and without threads: the test says when which loop's turn ends.
final class ShardRig {
    let eventLoops: [EmbeddedEventLoop]
    let context: GatewayContext
    let shards: [Shard]
    private var trunks = 0

    static let es: UInt32 = 5

    init(loops: Int = 1, _ change: (inout GatewaySettings) -> Void = { _ in }) {
        var settings = GatewaySettings(listen: .host("127.0.0.1", port: 0))
        settings.esID = ShardRig.es
        settings.routes = [.init(name: "games", types: .applicationTypes, to: [.host("192.0.2.9", port: 9_100)])]
        change(&settings)
        let eventLoops = (0..<loops).map { _ in EmbeddedEventLoop() }
        let context = GatewayContext(
            settings: settings, memory: MemoryBudget(limit: 1 << 30), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, loops: loops)
        let shards = eventLoops.enumerated().map { Shard(index: $0, eventLoop: $1, context: context, key: (1, 2)) }
        for shard in shards {
            shard.shards = shards
            shard.outboxes = shards.map { _ in ByteBuffer() }
        }
        self.eventLoops = eventLoops
        self.context = context
        self.shards = shards
    }

    /// Ends turns on all loops until nothing is on its way any more.
    func settle() {
        for _ in 0..<6 { for eventLoop in eventLoops { eventLoop.run() } }
    }

    func advance(_ time: TimeAmount) {
        for eventLoop in eventLoops { eventLoop.advanceTime(by: time) }
        settle()
    }

    /// A client that has just connected to that loop.
    func client(on loop: Int = 0) throws -> EmbeddedClient {
        let client = EmbeddedClient(shard: shards[loop], eventLoop: eventLoops[loop])
        try client.connect()
        settle()
        return client
    }

    /// A connection to an upstream whose link that loop owns; all loops know of it, and that it is up.
    func upstream(on loop: Int = 0, route: Int = 0, node: UInt64? = nil) throws -> EmbeddedUpstream {
        let trunk = Trunk(id: trunks, route: route, loop: loop, address: "192.0.2.9:9100", index: trunks, node: node ?? UInt64(trunks + 1))
        trunks += 1
        let connections = shards.map { $0.add(trunk) }
        let upstream = EmbeddedUpstream(shard: shards[loop], connection: connections[loop], eventLoop: eventLoops[loop])
        try upstream.connect()
        settle()
        return upstream
    }

    /// The gateway's counts of UNDELIVERED for a route, over all loops.
    func undelivered(route: Int = 0) -> [String: Int] {
        shards.flatMap { $0.routes[route].counters.undelivered.labelled }.reduce(into: [:]) { $0[$1.0, default: 0] += $1.1 }
    }
}
