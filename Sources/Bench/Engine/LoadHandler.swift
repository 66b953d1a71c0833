import NIOCore

/// The channel's shell around one ``LoadConnection``: bytes in, and one write at the end of every read burst.
///
/// Belongs to the channel's event loop, as its ``LoadLoop`` does.
final class LoadHandler<Codec: BenchCodec>: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private(set) var connection: LoadConnection<Codec>
    private let loop: LoadLoop<Codec>
    private var context: ChannelHandlerContext?
    /// The message that a read cut in two.
    private var partial = ByteBuffer()
    private var output = ByteBuffer()
    /// The connection has ended, or the run is over.
    private(set) var isLost = false
    /// A write can change writability, which asks to send again: the bytes of `output` must not go out twice.
    private var isSending = false

    init(connection: LoadConnection<Codec>, loop: LoadLoop<Codec>) {
        self.connection = connection
        self.loop = loop
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        output = context.channel.allocator.buffer(capacity: loop.outputCapacity(request: connection.codec.requestSize))
        connection.open(output: &output)
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isLost else { return }
        var buffer = unwrapInboundIn(data)
        let now = NIODeadline.now().uptimeNanoseconds
        if partial.readableBytes == 0 {
            let fault = take(&buffer, at: now)
            if buffer.readableBytes > 0 {
                partial.clear()
                partial.writeBuffer(&buffer)
            }
            if let fault { end(fault) }
        } else {
            partial.writeBuffer(&buffer)
            let fault = take(&partial, at: now)
            partial.discardReadBytes()
            if let fault { end(fault) }
        }
    }

    private func take(_ buffer: inout ByteBuffer, at now: UInt64) -> LoadFault? {
        let (taken, fault) = buffer.withUnsafeReadableBytes { bytes in
            connection.receive(bytes, at: now, start: loop.timeline.start, ledger: &loop.ledger, output: &output)
        }
        buffer.moveReaderIndex(forwardBy: taken)
        return fault
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard !isLost else { return }
        send()
        loop.answersRead()
    }

    /// Writes what the load allows now: a full window, or all that is due, as far as the socket takes it.
    func send() {
        guard let context, !isLost, !isSending else { return }
        isSending = true
        defer { isSending = false }
        switch loop.allowance {
        case .nothing:
            flush(context)
        case .window(let window):
            let now = NIODeadline.now().uptimeNanoseconds
            connection.fill(window: window, at: now, ledger: &loop.ledger, output: &output)
            flush(context)
        case .due(let due, let pace):
            // What does not fit now stays due and keeps its time: a peer that stops reading costs no memory here.
            while connection.isReady, connection.nextDue < due, !isLost, context.channel.isWritable {
                let now = NIODeadline.now().uptimeNanoseconds
                connection.sendDue(
                    due, of: pace, stride: loop.interval, limit: loop.burst, at: now, ledger: &loop.ledger, output: &output)
                flush(context)
            }
            flush(context)
        }
    }

    private func flush(_ context: ChannelHandlerContext) {
        guard output.readableBytes > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(output), promise: nil)
        output.clear()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { send() }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.closed)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end(.failed(connectionFaultReason(error))) }

    private func end(_ fault: LoadFault) {
        guard !isLost else { return }
        isLost = true
        loop.connectionLost(open: connection.open, fault)
        context?.close(promise: nil)
    }

    /// The run is over; what the channel still hears no longer counts.
    func close() {
        isLost = true
        context?.close(promise: nil)
    }
}
