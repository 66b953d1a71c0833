import NIOCore
import Synchronization

@testable import Reactors

/// Stands in a channel's pipeline, or reads its socket, and writes down what it is told.
///
/// `@unchecked Sendable`: what it does is set before the channel is active.
final class Recorder: ChannelInboundHandler, SocketReader, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    let notes = Notes()
    private let received = Mutex<[UInt8]>([])
    private let readsDirectly: Bool
    private var channel: (any Channel)?
    /// Told of the bytes of each read, before they are written down.
    var onBytes: (any Channel, UnsafeRawBufferPointer) -> Void = { _, _ in }
    var onActive: (any Channel) -> Void = { _ in }

    init(readsDirectly: Bool) { self.readsDirectly = readsDirectly }

    var bytes: [UInt8] { received.withLock { $0 } }
    var count: Int { received.withLock { $0.count } }

    func handlerAdded(context: ChannelHandlerContext) {
        channel = context.channel
        note("added")
    }
    func handlerRemoved(context: ChannelHandlerContext) {
        channel = nil
        note("removed")
    }
    func channelRegistered(context: ChannelHandlerContext) { note("registered") }
    func channelUnregistered(context: ChannelHandlerContext) { note("unregistered") }

    func channelActive(context: ChannelHandlerContext) {
        note("active")
        if readsDirectly { (context.channel as? any DirectSocket)?.takeOver(by: self) }
        onActive(context.channel)
    }

    func channelInactive(context: ChannelHandlerContext) { note("inactive after \(count)") }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        unwrapInboundIn(data).withUnsafeReadableBytes { socket(received: $0) }
    }

    func socket(received bytes: UnsafeRawBufferPointer) {
        guard let channel else { return note("bytes too late") }
        onBytes(channel, bytes)
        received.withLock { $0 += bytes }
    }

    func socketInputEnded() { note("input ended after \(count)") }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event as? ChannelEvent {
        case .inputClosed: socketInputEnded()
        case .outputClosed: note("output closed")
        case nil: note("\(event)")
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) { note(context.channel.isWritable ? "writable" : "not writable") }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? IOError { note("error \(error.errnoCode)") } else { note("\(error)") }
    }

    private func note(_ note: String) { notes.add(note) }
}
