import Links
import NIOCore
import NIOEmbedded
import Wire

@testable import Gateway

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
