public import NIOCore
public import Reactors
import Synchronization
import Telemetry
package import Wire

/// One TCP (or Unix) connection: frames in, an outbound queue, limits on both, and an end with a reason.
///
/// Lives on one event loop for life. Knows no message: an owner decides what the bytes mean.
/// Frames are appended with ``append(_:_:)`` and written once at the end of the turn.
///
/// `@unchecked Sendable`: confined to ``loop``'s event loop.
@usableFromInline
package final class Link: ChannelInboundHandler, SocketReader, @unchecked Sendable {
    @usableFromInline package typealias InboundIn = ByteBuffer
    @usableFromInline package typealias OutboundOut = ByteBuffer

    /// A link's life, each state with what it does with bytes.
    package enum State: Equatable {
        /// Not connected yet.
        case idle
        /// Takes and gives frames.
        case open
        /// The last word is in the queue; what comes in is discarded until it is written, or until the flush deadline.
        case finishing(Code)
        /// Everything is written and our direction is shut; what comes in is discarded until the peer closes, or a deadline.
        case lingering(Code)
        /// Gone.
        case closed
    }

    @usableFromInline package let loop: LinkLoop
    /// Unique in the process's life: logs and the admin server know a link by it.
    package let id = Link.ids.wrappingAdd(1, ordering: .relaxed).newValue
    private static let ids = Atomic<UInt64>(0)
    /// Where it stands in the loop's list.
    var place = -1
    package private(set) var state = State.idle { didSet { takesFrames = state == .open } }
    // Exclusivity is not checked at run time for what every frame touches: a link is confined to its loop, no closure that runs during
    // such an access comes back to the same property, and the checks were two fifths of all instructions of a packet.
    // A property that another target reads is checked all the same; such reads go through an inlinable accessor.
    /// ``state`` is ``State/open``; kept apart because every frame asks.
    @inlinable package var isOpen: Bool { takesFrames }
    @exclusivity(unchecked) @usableFromInline var takesFrames = false
    @exclusivity(unchecked) @usableFromInline package private(set) var outbound = Outbound()
    /// The owner hears ``LinkOwner/linkDrained(_:)`` when a flush brings the queue to this many bytes or fewer.
    @exclusivity(unchecked) package var resumeMark: Int?
    /// The owner's deadline; closing uses it too.
    package let timer = LoopTimer()
    /// When the last complete frame came.
    @exclusivity(unchecked) package private(set) var lastHeard: NIODeadline
    /// The peer's address as text, for logs.
    package private(set) var remote = "unknown"
    /// What is known of the peer beside its socket.
    private var peer: LinkPeer?
    /// The names that the peer's verified certificate is made out to, host names first; empty without one.
    package var certificateNames: [String] { peer?.certificateNames ?? [] }
    /// The peer's host alone, for limits per address.
    package private(set) var remoteHost = ""
    /// A peer that shuts its direction has not left: it is told to the owner, who ends the link. Set before the link opens.
    package var staysHalfOpen = false
    /// The peer has shut its direction.
    package private(set) var isInputEnded = false
    /// This side's address.
    var local: String { channel?.localAddress?.text ?? "unknown" }
    private(set) var openedAt: NIODeadline
    /// Bytes that were read over the link's life.
    @exclusivity(unchecked) private(set) var received = 0
    /// Bytes that the socket has taken over the link's life.
    var written: Int { writtenBytes }

    @exclusivity(unchecked) private var inbound = Inbound()
    @exclusivity(unchecked) private var owner: (any LinkOwner)?
    @exclusivity(unchecked) private var channel: (any Channel)?
    @exclusivity(unchecked) private var context: ChannelHandlerContext?
    /// The socket, while nothing stands between it and this link; -1 else. What it takes at once need not go through the channel, which costs ten
    /// times as many instructions. Guard: set while the channel is active, which owns it. A channel that closes tells its end
    /// right behind closing the socket, and nothing comes to ``flush()`` between the two: no write of this link has a promise that acts on a failure.
    @exclusivity(unchecked) private var socket: NIOBSDSocket.Handle = -1
    /// The channel, if it lets its socket be read, too.
    private var direct: (any DirectSocket)?
    @exclusivity(unchecked) @usableFromInline var isDirty = false
    @exclusivity(unchecked) private var isWriting = false
    /// The channel has the last byte of the block, for which it stays writable.
    @exclusivity(unchecked) private var awaitsLastByte = false
    @exclusivity(unchecked) @usableFromInline var pauses = 0
    /// The owner is looking at input.
    @exclusivity(unchecked) private var isOffering = false
    /// What the owner is being shown, where it may share it.
    @exclusivity(unchecked) private var offered: ByteBuffer?
    private var failure: (any Error)?
    @exclusivity(unchecked) private var writtenBytes = 0
    /// Bytes that have been read and not taken by the owner: a packet that is not complete, or what a pause left.
    @exclusivity(unchecked) package private(set) var keptInput = 0

    /// - Parameter owner: nil for one that keeps the link in a constant and therefore can only name itself afterwards, with ``serve(_:)``.
    package init(loop: LinkLoop, owner: (any LinkOwner)? = nil) {
        self.loop = loop
        self.owner = owner
        lastHeard = loop.now
        openedAt = loop.now
        timer.aim(at: self)
    }

    /// - Parameter owner: kept until the link has ended.
    package func serve(_ owner: any LinkOwner) { self.owner = owner }

    // MARK: - Out

    /// Queues `count` bytes that `fill` writes at the given address; they leave at the end of the turn. Nothing is queued on a link
    /// that is not open.
    @inlinable
    @inline(__always)
    package func append(_ count: Int, _ fill: (UnsafeMutableRawPointer) -> Void) {
        guard isOpen else { return }
        outbound.append(count, pool: &loop.pool, fill)
        loop.queuedBytes += count
        if !isDirty { markDirty() }
    }

    /// Queues bytes that stand ready.
    package func append(_ buffer: ByteBuffer) {
        let count = buffer.readableBytes
        guard count > 0 else { return }
        append(count) { target in
            buffer.withUnsafeReadableBytes { target.copyMemory(from: $0.baseAddress!, byteCount: count) }
        }
    }

    /// Queues bytes that are too many to be worth copying: they are written from where they lie.
    package func append(sharing buffer: ByteBuffer) {
        let count = buffer.readableBytes
        guard isOpen, count > 0 else { return }
        outbound.append(sharing: buffer)
        loop.queuedBytes += count
        if !isDirty { markDirty() }
    }

    /// Takes away everything of which the socket has been given nothing, oldest first, for an owner that is about to close the link and has another
    /// use for it.
    package func takeBack() -> [ByteBuffer] {
        let held = outbound.takeBack()
        loop.queuedBytes -= held.reduce(0) { $0 + $1.readableBytes }
        return held
    }

    /// Every byte that the socket has not taken yet.
    @inlinable package var queued: Int { outbound.bytes }

    @usableFromInline
    func markDirty() {
        isDirty = true
        loop.markDirty(self)
    }

    /// Hands blocks to the socket, one at a time, as long as it takes them whole.
    func flush() {
        isDirty = false
        guard !isWriting, context != nil else { return }
        var taken: Int?
        if socket >= 0, !loop.isTapped, let block = outbound.short {
            let count = Sockets.send(block, on: socket)
            if count == block.count {
                outbound.finishShort(pool: &loop.pool)
                wrote(count)
                return afterFlush()
            }
            taken = count
        }
        flushBlocks(taken)
        afterFlush()
    }

    /// - Parameter taken: what the socket has taken of the first one already; nil when it has not been tried.
    private func flushBlocks(_ taken: Int?) {
        isWriting = true
        var already = taken
        while outbound.writing == nil, outbound.startBlock() {
            if loop.isTapped, let block = outbound.writing { tellTaps(written: block) }
            // What the socket does not take at once goes to the channel, which waits until it is writable.
            let taken = already.take() ?? (socket < 0 ? 0 : outbound.withBlock { Sockets.send($0, on: socket) })
            if taken < outbound.inSocketBlock, !handOver(behind: taken) { break }
            blockWritten()
        }
        isWriting = false
    }

    /// Gives the channel what is behind `taken` in the block.
    /// - Returns: whether the socket has taken all of it now.
    private func handOver(behind taken: Int) -> Bool {
        guard let context, let channel else { return false }
        // The block is named only inside `outbound`, so that after the write that is its one reference and it can be reused.
        let promise = outbound.inSocketBlock - taken == 1 ? lastByte(context) : nil
        context.writeAndFlush(NIOAny(outbound.rest(behind: taken)), promise: promise)
        // With both of NIO's water marks at one byte, writable means: the socket has taken everything but for one byte. On our own channels it means all.
        return state != .closed && channel.isWritable && !awaitsLastByte
    }

    /// Kept when a byte that is written alone has left.
    private func lastByte(_ context: ChannelHandlerContext) -> EventLoopPromise<Void> {
        awaitsLastByte = true
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenSuccess {
            self.awaitsLastByte = false
            // Inside `flush` the loop there goes on by itself.
            guard !self.isWriting, self.state != .closed, self.outbound.writing != nil else { return }
            self.loop.enterTurn()
            self.blockWritten()
            self.flush()
        }
        return promise
    }

    /// Writes what the socket takes right now, for an owner that is about to judge the queue.
    package func flushNow() {
        if isOpen { flush() }
    }

    private func blockWritten() {
        wrote(outbound.finishBlock(pool: &loop.pool))
    }

    private func wrote(_ count: Int) {
        loop.queuedBytes -= count
        writtenBytes += count
    }

    private func afterFlush() {
        if isOpen {
            if let mark = resumeMark, outbound.bytes <= mark { owner?.linkDrained(self) }
        } else if outbound.bytes == 0, case .finishing(let code) = state {
            linger(code)
        }
    }

    @usableFromInline package func channelWritabilityChanged(context: ChannelHandlerContext) {
        // Inside `flush` the loop there goes on by itself.
        guard !isWriting, !awaitsLastByte, context.channel.isWritable, outbound.writing != nil else { return }
        loop.enterTurn()
        blockWritten()
        flush()
    }

    // MARK: - In

    @usableFromInline package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        unwrapInboundIn(data).withUnsafeReadableBytes { socket(received: $0) }
    }

    @usableFromInline package func socket(received bytes: UnsafeRawBufferPointer) {
        guard isOpen else { return }
        loop.enterTurn()
        received += bytes.count
        if loop.isTapped { tellTaps(read: bytes) }
        receive(bytes[...])
        countInput()
    }

    private func receive(_ bytes: Slice<UnsafeRawBufferPointer>) {
        var rest = bytes
        while !inbound.isEmpty, !isPaused {
            guard inbound.complete(from: &rest, pool: &loop.pool) else { return }
            guard offerKept() else { return }
        }
        guard !rest.isEmpty, let owner else { return }
        var result = Consumed(bytes: 0, needed: 1)
        if !isPaused {
            isOffering = true
            result = owner.link(self, received: UnsafeRawBufferPointer(rebasing: rest))
            isOffering = false
            if result.bytes > 0 { lastHeard = loop.now }
        }
        guard isOpen, result.bytes < rest.count else { return }
        inbound.keep(rest.dropFirst(result.bytes), needed: result.needed, pool: &loop.pool)
    }

    /// What a link keeps of its input counts toward the process's memory like what it has to write (rule S13).
    private func countInput() {
        if !isOpen { inbound.clear(pool: &loop.pool) }
        guard inbound.count != keptInput else { return }
        loop.keptBytes += inbound.count - keptInput
        keptInput = inbound.count
    }

    /// Shows the owner what was kept; false when the link is over or has been paused by it.
    private func offerKept() -> Bool {
        guard let owner else { return false }
        isOffering = true
        let frame = inbound.frame
        if frame.readableBytes > BlockPool.largest { offered = frame }
        let result = frame.withUnsafeReadableBytes { owner.link(self, received: $0) }
        offered = nil
        // What nobody shares goes back to the pool below, which takes no block that is named elsewhere.
        _ = consume frame
        isOffering = false
        guard isOpen else { return false }
        if result.bytes > 0 { lastHeard = loop.now }
        inbound.consumed(result, pool: &loop.pool)
        return true
    }

    /// The same bytes as a slice that may be kept, when they are part of a frame so long that its memory is no pooled block; nil for all others,
    /// which are to be copied.
    package func sharedInput(_ bytes: UnsafeRawBufferPointer) -> ByteBuffer? {
        guard bytes.count > BlockPool.largest, let offered, let start = bytes.baseAddress else { return nil }
        return offered.withUnsafeReadableBytes { all in
            guard let base = all.baseAddress, start >= base, start + bytes.count <= base + all.count else { return nil }
            return offered.getSlice(at: offered.readerIndex + (start - base), length: bytes.count)
        }
    }

    /// Stops reading until a matching ``resumeReading()``; pauses nest. What has been read already and the owner has not taken is kept.
    package func pauseReading() {
        pauses += 1
        if pauses == 1 { setAutoRead(false) }
    }

    /// Reads again when the last pause has ended, beginning with what was kept.
    package func resumeReading() {
        pauses -= 1
        guard pauses == 0, isOpen else { return }
        loop.enterTurn()
        lastHeard = loop.now
        // Called by the owner while it looks at its input: whoever offers that goes on by himself.
        guard !isOffering else { return setAutoRead(true) }
        let goesOn = inbound.isEmpty || offerKept()
        countInput()
        if goesOn, pauses == 0 { setAutoRead(true) }
    }

    package var isPaused: Bool { pauses > 0 }

    /// Whether the owner is to go on through what it was given: asked behind every frame.
    @inlinable package var takesMore: Bool { isOpen && pauses == 0 }

    private func setAutoRead(_ value: Bool) {
        if let direct { return direct.setReading(value) }
        // Fails only on a channel that is closing, where nothing is read any more.
        try? channel?.syncOptions?.setOption(.autoRead, value: value)
    }

    // MARK: - Life

    @usableFromInline package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        channel = context.channel
        if context.channel.isActive { open(context) }
    }

    /// A channel that never became active ends here, and nothing of it may hold the link.
    @usableFromInline package func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        channel = nil
        if state == .idle { owner = nil }
    }

    @usableFromInline package func channelActive(context: ChannelHandlerContext) { open(context) }

    private func open(_ context: ChannelHandlerContext) {
        guard state == .idle else { return }
        state = .open
        // Fails only on a channel that is closing.
        if staysHalfOpen { try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true) }
        peer = try? context.pipeline.syncOperations.handler(type: LinkPeer.self)
        if peer == nil, let channel = context.channel as? any DirectSocket {
            direct = channel
            socket = channel.descriptor
            channel.takeOver(by: self)
        } else if peer == nil {
            socket = (try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }) ?? -1
        }
        if let address = peer?.client ?? context.channel.remoteAddress {
            remote = address.text
            remoteHost = address.hostText
        }
        loop.enterTurn()
        lastHeard = loop.now
        openedAt = loop.now
        loop.opened(self)
        owner?.linkOpened(self)
    }

    @usableFromInline package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard staysHalfOpen, event as? ChannelEvent == .inputClosed else { return context.fireUserInboundEventTriggered(event) }
        socketInputEnded()
    }

    @usableFromInline package func socketInputEnded() {
        isInputEnded = true
        switch state {
        case .open:
            loop.enterTurn()
            owner?.linkInputEnded(self)
        case .lingering(let code): abandon(code)
        case .idle, .finishing, .closed: break
        }
    }

    @usableFromInline package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure = error
        closeNow()
    }

    @usableFromInline package func channelInactive(context: ChannelHandlerContext) {
        let code: Code? =
            switch state {
            case .finishing(let code), .lingering(let code): code
            case .idle, .open, .closed: abandoned
            }
        let wasOpened = state != .idle && state != .closed
        loop.keepUntilFlushed(self, owner)
        var view = view(role: "")
        state = .closed
        socket = -1
        direct = nil
        loop.enterTurn()
        loop.cancel(timer)
        countInput()
        loop.queuedBytes -= outbound.bytes
        let remains = Remains(
            writing: outbound.writing, held: outbound.takeHeld(),
            heldOffset: writtenBytes + outbound.inSocketBlock)
        outbound = Outbound()
        let owner = self.owner
        if wasOpened {
            view.code = (code ?? owner?.codeOfSilentEnd ?? .lost).name
            view.state = "closed"
            loop.ended(self, view)
        }
        self.owner = nil
        owner?.link(self, closed: LinkEnd(code: code, error: failure, remains: remains))
        self.context = nil
        channel = nil
    }

    /// Where the next appended byte will stand in the whole stream of this link.
    package var endOffset: Int { writtenBytes + queued }

    // MARK: - Closing (protocol section 5, "Closing with a code")

    private var abandoned: Code?
    private static let grace = TimeAmount.seconds(1)

    /// Ends the link in order: what is queued, then what `lastWord` appends, leaves within a second; then this direction is shut, input
    /// is discarded for at most another second, and the link closes. A bare close with unread input would destroy the last word.
    package func close(_ code: Code, lastWord: (Link) -> Void = { _ in }) {
        guard state == .open else { return }
        lastWord(self)
        guard state == .open else { return }
        state = .finishing(code)
        // Discarding needs reading.
        if pauses > 0 { setAutoRead(true) }
        loop.arm(timer, at: loop.now + Link.grace)
        if outbound.bytes == 0 { linger(code) }
    }

    /// Ends the link now, without a word.
    package func abandon(_ code: Code) {
        guard state != .closed else { return }
        abandoned = code
        if case .open = state { state = .finishing(code) }
        closeNow()
    }

    /// In TLS, closing would first say good-bye and wait for the answer.
    private func closeNow() {
        if let peer { peer.closeSocket() } else { channel?.close(promise: nil) }
    }

    /// Someone who operates the process wants it closed: the owner does so in its own way.
    func closeForOperator() { if isOpen { owner?.closeForOperator(self) } }

    /// What its owner knows about it.
    var description: LinkDescription { owner?.description(of: self) ?? LinkDescription(side: .upstream) }

    /// What was read and kept.
    var keptFrame: ByteBuffer { inbound.frame }

    private func linger(_ code: Code) {
        // Who has shut its direction has nothing more to say that could be cut off.
        guard !isInputEnded else { return abandon(code) }
        state = .lingering(code)
        loop.arm(timer, at: loop.now + Link.grace)
        channel?.close(mode: .output, promise: nil)
    }
}

extension Link: TimerTarget {
    package func timerFired(_ timer: LoopTimer) {
        switch state {
        case .finishing(let code), .lingering(let code): abandon(code)
        case .open: owner?.timerFired(timer)
        case .idle, .closed: break
        }
    }
}
