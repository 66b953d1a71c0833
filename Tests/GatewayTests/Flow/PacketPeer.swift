import NIOCore
import NIOPosix
import Synchronization
import Wire

/// One end of a real connection: says packets, and remembers what it heard.
final class PacketPeer: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct State {
        var channel: (any Channel)?
        var unread = ByteBuffer()
        var heard: [Packet] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    /// What the peer answers at once to a packet.
    private let answer: @Sendable (Packet) -> [Packet]

    init(answer: @escaping @Sendable (Packet) -> [Packet] = { _ in [] }) { self.answer = answer }

    static func connect(to port: Int, group: any EventLoopGroup) async throws -> PacketPeer {
        let peer = PacketPeer()
        _ = try await ClientBootstrap(group: group)
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(peer) } }
            .connect(host: "127.0.0.1", port: port).get()
        return peer
    }

    var heard: [Packet] { state.withLock { $0.heard } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func say(_ packets: [Packet]) {
        var buffer = ByteBuffer()
        for packet in packets { packet.write(to: &buffer) }
        let channel = state.withLock { $0.channel }
        channel?.writeAndFlush(buffer, promise: nil)
    }

    /// Whether it takes what comes.
    func read(_ reads: Bool) { _ = state.withLock { $0.channel }?.setOption(.autoRead, value: reads) }

    func close() { state.withLock { $0.channel }?.close(promise: nil) }

    func handlerAdded(context: ChannelHandlerContext) { state.withLock { $0.channel = context.channel } }
    func channelInactive(context: ChannelHandlerContext) { state.withLock { $0.isClosed = true } }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        let new = state.withLock { state in
            state.unread.writeBuffer(&bytes)
            var new: [Packet] = []
            while let packet = try? Packet(from: &state.unread) { new.append(packet) }
            state.heard += new
            return new
        }
        let answers = new.flatMap(answer)
        if !answers.isEmpty { say(answers) }
    }
}

/// A packet server on a port of its own.
final class PacketServer: Sendable {
    private let channel: any Channel
    private let accepted: Accepted

    private final class Accepted: Sendable { let peers = Mutex<[PacketPeer]>([]) }

    static func start(group: any EventLoopGroup, port: Int = 0, answer: @escaping @Sendable (Packet) -> [Packet] = { _ in [] }) async throws
        -> PacketServer
    {
        let accepted = Accepted()
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    let peer = PacketPeer(answer: answer)
                    try child.pipeline.syncOperations.addHandler(peer)
                    accepted.peers.withLock { $0.append(peer) }
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        return PacketServer(channel: channel, accepted: accepted)
    }

    private init(channel: any Channel, accepted: Accepted) {
        self.channel = channel
        self.accepted = accepted
    }

    var port: Int { channel.localAddress?.port ?? 0 }
    var peers: [PacketPeer] { accepted.peers.withLock { $0 } }
    /// Application packets that were heard, over all connections.
    var heard: [Packet] { peers.flatMap(\.heard).filter { !$0.header.isControl } }

    func stop() async {
        try? await channel.close().get()
        for peer in peers { peer.close() }
    }
}
