import NIOCore
import Wire

/// Takes the PROXY header off the front of a connection from a trusted balancer, says what it told, once, and goes.
///
/// Confined to its event loop.
final class ProxyHeaderReader: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Why there is no header.
    struct Missing: Error, CustomStringConvertible {
        var description: String
    }

    private var received = ByteBuffer()
    private let deadline: NIODeadline
    private var settled: ((Result<ProxyHeader, Missing>) -> Void)?
    private var timer: Scheduled<Void>?

    /// - Parameter settled: called once. After success, what follows the header is passed on to the handlers that are there by then.
    init(deadline: NIODeadline, settled: @escaping (Result<ProxyHeader, Missing>) -> Void) {
        self.deadline = deadline
        self.settled = settled
    }

    func handlerAdded(context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.settle(.failure(Missing(description: "no PROXY header within \(Sockets.openingTime.nanoseconds / 1_000_000_000)s")))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        // Behind the header there may be more than a header has; before its end there may not.
        switch received.withUnsafeReadableBytes({ ProxyHeader.read($0) }) {
        case .more:
            return
        case .malformed(let why):
            settle(.failure(Missing(description: why)))
        case .header(let header, let length):
            received.moveReaderIndex(forwardBy: length)
            settle(.success(header))
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
    }

    func removeHandler(context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken) {
        let rest = received
        received = ByteBuffer()
        if rest.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(rest))
            context.fireChannelReadComplete()
        }
        context.leavePipeline(removalToken: removalToken)
    }

    func handlerRemoved(context: ChannelHandlerContext) { settle(.failure(Missing(description: "it closed before its PROXY header"))) }

    func channelInactive(context: ChannelHandlerContext) {
        settle(.failure(Missing(description: "it closed before its PROXY header was complete")))
        received.clear()
        context.fireChannelInactive()
    }

    private func settle(_ result: Result<ProxyHeader, Missing>) {
        timer?.cancel()
        settled.take()?(result)
    }
}
