import Links
import Logging
import NIOCore
import NIOEmbedded
import Routing
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
        var settings = GatewaySettings(listen: .host("127.0.0.1", port: 0), memory: 1 << 30)
        settings.esID = ShardRig.es
        settings.routes = [.init(name: "games", types: .applicationTypes, to: [.host("192.0.2.9", port: 9_100)])]
        change(&settings)
        let eventLoops = (0..<loops).map { _ in EmbeddedEventLoop() }
        let context = GatewayContext(settings: settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, loops: loops)
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

/// One end of a connection, as bytes.
class EmbeddedPeer {
    let channel: EmbeddedChannel
    private var unread = ByteBuffer()

    init(link: Link, eventLoop: EmbeddedEventLoop) { channel = EmbeddedChannel(handlers: [link], loop: eventLoop) }

    func connect() throws { try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 7_100)).wait() }

    var isConnected: Bool { channel.isActive }

    /// The peer does not read; `false`: it has read everything.
    func hold(_ isHeld: Bool = true) {
        channel.isWritable = !isHeld
        if !isHeld { channel.pipeline.fireChannelWritabilityChanged() }
    }

    /// What the peer says, in one read.
    func say(_ packets: Packet..., format: WireFormat = .standard) throws {
        var buffer = ByteBuffer()
        for packet in packets { packet.write(to: &buffer, format: format) }
        try channel.writeInbound(buffer)
    }

    /// What the peer has heard since the last call.
    func heard(format: WireFormat = .standard) throws -> [Packet] {
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { unread.writeImmutableBuffer(buffer) }
        var packets: [Packet] = []
        while let packet = try Packet(from: &unread, format: format) { packets.append(packet) }
        return packets
    }

    func disconnect() { channel.close(promise: nil) }
}

final class EmbeddedClient: EmbeddedPeer {
    let client: ClientLink
    /// The session that it was given.
    private(set) var session: UInt64 = 0

    init(shard: Shard, eventLoop: EmbeddedEventLoop) {
        client = ClientLink(shard: shard)
        super.init(link: client.link, eventLoop: eventLoop)
    }

    override func connect() throws {
        try super.connect()
        session = client.session
    }
}

/// An upstream that is connected; it hands what it says to its loop as the real one does.
final class EmbeddedUpstream: EmbeddedPeer {
    let shard: Shard
    let connection: Connection
    let link: Link

    init(shard: Shard, connection: Connection, eventLoop: EmbeddedEventLoop) {
        self.shard = shard
        self.connection = connection
        link = Link(loop: shard.loop, owner: EmbeddedUpstreamOwner(shard: shard, connection: connection))
        super.init(link: link, eventLoop: eventLoop)
    }

    func tellLoops(_ state: Connection.State) {
        let id = connection.trunk.id
        shard.toEach { $0.connectionChanged(id, to: state) }
    }
}

private final class EmbeddedUpstreamOwner: LinkOwner {
    private let shard: Shard
    private let connection: Connection

    init(shard: Shard, connection: Connection) {
        self.shard = shard
        self.connection = connection
    }

    private func tellLoops(_ state: Connection.State) {
        let id = connection.trunk.id
        shard.toEach { $0.connectionChanged(id, to: state) }
    }

    func linkOpened(_ link: Link) {
        connection.link = link
        tellLoops(.up)
    }

    func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        var offset = 0
        while bytes.count - offset >= PacketHeader.size, let base = bytes.baseAddress {
            let header = PacketHeader(at: base + offset, format: connection.route.format)
            guard header.length <= bytes.count - offset else { return Consumed(bytes: offset, needed: header.length) }
            let body = base + offset + PacketHeader.size
            offset += header.length
            if header.isControl || header.session == 0 {
                shard.command(header, body, from: connection)
            } else {
                shard.deliver(header, body, from: connection)
            }
        }
        return Consumed(bytes: offset, needed: PacketHeader.size)
    }

    func linkDrained(_ link: Link) {
        link.resumeMark = nil
        shard.wakeWaiters(of: connection)
    }

    func link(_ link: Link, closed end: LinkEnd) {
        connection.link = nil
        tellLoops(.down)
        shard.wakeWaiters(of: connection)
    }

    func timerFired(_ timer: LoopTimer) {}
}
