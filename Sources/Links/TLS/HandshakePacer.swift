import DequeModule
import NIOCore

/// Stands between the socket and TLS while a handshake is under way, so that a crowd of handshakes does not hold up everyone else on the
/// event loop: what a peer says is worked on when its turn has come (``HandshakeQueue``). Removed when the handshake is done.
///
/// Confined to its event loop.
final class HandshakePacer: ChannelInboundHandler, ChannelOutboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer

    private let queue: HandshakeQueue
    private var context: ChannelHandlerContext?
    private var held: ByteBuffer?
    private var wantsRead = false
    private var isReleasing = false
    private var isDone = false
    /// Since when bytes wait for their turn: the peer is not to blame for that time.
    private(set) var waitingSince: NIODeadline?
    /// All such time that is over.
    private(set) var waited = TimeAmount.zero

    init(queue: HandshakeQueue) { self.queue = queue }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    /// The handshake is over: leaves the pipeline, once what it was just passing on is through.
    func finish() {
        isDone = true
        leaveIfDone()
    }

    private func leaveIfDone() {
        guard isDone, !isReleasing, let context else { return }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        held = nil
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        if held?.writeBuffer(&buffer) != nil { return }
        held = buffer
        waitingSince = .now()
        queue.add(self)
    }

    /// Told together with the bytes, when they are released.
    func channelReadComplete(context: ChannelHandlerContext) {
        if held == nil { context.fireChannelReadComplete() }
    }

    /// Nothing more is read while bytes wait: what a peer can make us hold is one read.
    func read(context: ChannelHandlerContext) {
        if held == nil { context.read() } else { wantsRead = true }
    }

    func channelInactive(context: ChannelHandlerContext) {
        // What it said last tells what it was.
        release()
        context.fireChannelInactive()
    }

    /// Its turn has come.
    func proceed() { release() }

    private func release() {
        guard let context, let bytes = held.take() else { return }
        if let since = waitingSince.take() { waited = waited + (.now() - since) }
        isReleasing = true
        context.fireChannelRead(wrapInboundOut(bytes))
        context.fireChannelReadComplete()
        if wantsRead {
            wantsRead = false
            context.read()
        }
        isReleasing = false
        leaveIfDone()
    }
}

/// The handshakes of one event loop, each of whose steps costs up to a millisecond: a few at a time, and between them everything else that the
/// loop has to do.
///
/// `@unchecked Sendable`: confined to its event loop; only `init` is called elsewhere.
final class HandshakeQueue: @unchecked Sendable, NIOScheduledCallbackHandler {
    /// Steps in a row: what others on the loop wait for at the most is about as long as this many signatures take.
    static let batch = 2
    /// Long enough that the loop looks at its sockets in between.
    private static let gap = TimeAmount.microseconds(20)

    private let eventLoop: any EventLoop
    private var waiting: Deque<HandshakePacer> = []
    private var isRunning = false

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func add(_ pacer: HandshakePacer) {
        waiting.append(pacer)
        guard !isRunning else { return }
        isRunning = true
        plan()
    }

    private func plan() {
        // Fails only on a loop that is shutting down.
        guard (try? eventLoop.scheduleCallback(in: HandshakeQueue.gap, handler: self)) == nil else { return }
        isRunning = false
    }

    func handleScheduledCallback(eventLoop: some EventLoop) {
        for _ in 0..<HandshakeQueue.batch { waiting.popFirst()?.proceed() }
        if waiting.isEmpty { isRunning = false } else { plan() }
    }
}
