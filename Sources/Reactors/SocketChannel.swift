#if os(Linux)
    import CEpoll
    import Glibc
    package import NIOCore
    import Synchronization

    /// A connected stream socket on a ``Reactor``.
    ///
    /// It has a pipeline like every channel of NIO's, for handshakes, TLS, and to tell the beginning and the end; what is read goes through it
    /// until someone takes over. Its `isWritable` means: the socket has taken everything that was written here.
    ///
    /// `@unchecked Sendable`: confined to its reactor, but for the addresses.
    package final class SocketChannel: Watcher, DirectSocket, @unchecked Sendable {
        enum State { case idle, connecting, active, closed }

        let reactor: Reactor
        package let allocator = ByteBufferAllocator()
        package var eventLoop: any EventLoop { reactor }
        package var closeFuture: EventLoopFuture<Void> { closed.futureResult }
        package var pipeline: ChannelPipeline { pipes }
        package var parent: (any Channel)? { nil }
        package var _channelCore: any ChannelCore { self }
        package var localAddress: SocketAddress? { addresses.withLock { $0.local } }
        package var remoteAddress: SocketAddress? { addresses.withLock { $0.remote } }
        package var isActive: Bool { state == .active }
        package var isWritable: Bool { output.isEmpty }

        private var pipes: ChannelPipeline!
        let closed: EventLoopPromise<Void>
        let addresses: Mutex<(local: SocketAddress?, remote: SocketAddress?)>
        @exclusivity(unchecked) var state = State.idle
        var connected: EventLoopPromise<Void>?
        @exclusivity(unchecked) var output = Output()
        /// Every write since has gone to the socket; the next ones wait until it says that it has room.
        @exclusivity(unchecked) var isBlocked = false
        /// A write has failed: the end is near.
        @exclusivity(unchecked) var isBroken = false
        /// Guard: the pipeline, which holds it as a handler, goes after it.
        @exclusivity(unchecked) unowned(unsafe) var reader: (any SocketReader)? { didSet { isDirect = reader != nil } }
        /// There is a ``reader``: asking for it counts a reference.
        @exclusivity(unchecked) private var isDirect = false
        @exclusivity(unchecked) var autoRead = true
        /// The pipeline has asked for a read.
        @exclusivity(unchecked) var wantsRead = false
        @exclusivity(unchecked) var allowsHalfClosure = false
        @exclusivity(unchecked) var isInputEnded = false
        @exclusivity(unchecked) var isOutputShut = false
        /// Such a socket's reads may stop at a message that carries descriptors, with more behind it.
        @exclusivity(unchecked) var isUnix = false
        /// This side's direction is to be shut when everything is written.
        var shutting: EventLoopPromise<Void>?
        /// What to wait for is settled at the end of the event.
        @exclusivity(unchecked) private var isInEvent = false
        /// The event has not been used up: it has to be told again when there are reads.
        @exclusivity(unchecked) private var isUnread = false

        init(_ descriptor: CInt, on reactor: Reactor, remote: SocketAddress?) {
            self.reactor = reactor
            closed = reactor.makePromise()
            addresses = Mutex((nil, remote))
            super.init(descriptor: descriptor)
            pipes = ChannelPipeline(channel: self)
        }

        // MARK: - Taking over

        package func takeOver(by reader: any SocketReader) {
            self.reader = reader
            settle()
        }

        package func setReading(_ value: Bool) {
            autoRead = value
            if reader == nil {
                if value, state == .active { pipeline.read() }
                // What has been asked for before is not read either, as on NIO's channels.
                if !value { wantsRead = false }
            }
            settle()
        }

        // MARK: - Readiness

        private var reads: Bool { !isInputEnded && (isDirect ? autoRead : wantsRead) }

        /// Asks the poller for what is waited for now.
        func settle() {
            guard !isInEvent, descriptor >= 0 else { return }
            var interest: UInt32 = 0
            switch state {
            case .connecting: interest = switchyard_out
            case .active:
                if !isInputEnded { interest = reads ? switchyard_in | switchyard_pri | switchyard_rdhup : switchyard_rdhup }
                if isBlocked { interest |= switchyard_out }
            case .idle, .closed: return
            }
            interest |= switchyard_et
            // Asking tells what is there already.
            guard interest != self.interest || isUnread && reads else { return }
            isUnread = false
            do { try reactor.poller.watch(self, for: interest) } catch { close0(error: error, mode: .all, promise: nil) }
        }

        override func ready(_ events: UInt32) {
            isInEvent = true
            defer {
                isInEvent = false
                settle()
            }
            if state == .connecting { return finishConnecting() }
            if events & switchyard_out != 0, isBlocked { writeOut() }
            guard state == .active else { return }
            if reads {
                guard events & ~switchyard_out != 0 else { return }
                isUnread = readIn(toEnd: isUnix || events & ~(switchyard_out | switchyard_in) != 0)
                if isUnread { return }
            } else if events & switchyard_rdhup != 0, !isInputEnded {
                // It has said its last: what it said is taken, and its end is known, however long nobody wants to read.
                return readToEnd()
            }
            if state == .active, events & (switchyard_err | switchyard_hup) != 0 { fail(pendingError) }
        }

        override func reactorStops() { close0(error: ChannelError.ioOnClosedChannel, mode: .all, promise: nil) }

        /// What the socket has to report.
        var pendingError: IOError {
            var number: CInt = 0
            var size = socklen_t(MemoryLayout<CInt>.size)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &size)
            return IOError(errnoCode: number == 0 ? ECONNRESET : number, reason: "socket")
        }

        func fail(_ error: any Error) {
            if reader == nil || state == .active { pipeline.syncOperations.fireErrorCaught(error) }
            close0(error: error, mode: .all, promise: nil)
        }
    }
#endif
