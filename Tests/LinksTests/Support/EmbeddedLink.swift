import Links
import NIOCore
import NIOEmbedded

/// One open link without a socket: the test says when the turn ends, what time it is and whether the socket takes bytes.
final class EmbeddedLink {
    let eventLoop: EmbeddedEventLoop
    let loop: LinkLoop
    let channel: EmbeddedChannel
    let owner = RecordingOwner()
    let link: Link
    private let halfClose = HalfClose()

    /// - Parameter socket: stands where the socket is.
    init(_ eventLoop: EmbeddedEventLoop = EmbeddedEventLoop(), loop: LinkLoop? = nil, socket: [any ChannelHandler] = []) throws {
        self.eventLoop = eventLoop
        self.loop = loop ?? LinkLoop(eventLoop: eventLoop)
        link = Link(loop: self.loop, owner: owner)
        channel = EmbeddedChannel(handlers: socket + [halfClose, link], loop: eventLoop)
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 7100)).wait()
        eventLoop.run()
    }

    /// Whether our direction was shut with the other one left open.
    var isHalfClosed: Bool { halfClose.isDone }

    /// The socket takes nothing more: the block that it is given next stays with it.
    func holdSocket() { channel.isWritable = false }

    /// The socket has taken everything that it was given.
    func freeSocket() {
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
    }

    func send(_ bytes: [UInt8]) { link.append(ByteBuffer(bytes: bytes)) }

    func receive(_ bytes: [UInt8]) throws { try channel.writeInbound(ByteBuffer(bytes: bytes)) }

    func endTurn() { eventLoop.run() }

    /// What the socket was given since the last call, one element for each write.
    func written() throws -> [[UInt8]] {
        var writes: [[UInt8]] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { writes.append(Array(buffer.readableBytesView)) }
        return writes
    }

    var isAutoRead: Bool {
        channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }.map { $0.value as? Bool ?? true } ?? true
    }
}

/// Stands in for a socket's `shutdown`: an embedded channel would close both directions.
private final class HalfClose: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    private(set) var isDone = false

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard case .output = mode else { return context.close(mode: mode, promise: promise) }
        isDone = true
        promise?.succeed(())
    }
}
