#if os(Linux)
    import Glibc
    package import NIOCore
    import Synchronization

    extension SocketChannel: ChannelCore {
        package func localAddress0() throws -> SocketAddress {
            guard let localAddress else { throw ChannelError.unknownLocalAddress }
            return localAddress
        }

        package func remoteAddress0() throws -> SocketAddress {
            guard let remoteAddress else { throw ChannelError.operationUnsupported }
            return remoteAddress
        }

        package func register0(promise: EventLoopPromise<Void>?) { promise?.succeed() }
        package func bind0(to: SocketAddress, promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }
        package func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }
        package func channelRead0(_ data: NIOAny) {}
        package func errorCaught0(error: any Error) {}

        // MARK: - Beginning

        /// An accepted connection begins.
        func activate() {
            guard state == .idle else { return }
            pipeline.syncOperations.fireChannelRegistered()
            become(active: nil)
        }

        package func connect0(to address: SocketAddress, promise: EventLoopPromise<Void>?) {
            guard state == .idle else { return promise?.fail(ChannelError.inappropriateOperationForState) ?? () }
            state = .connecting
            connected = promise
            pipeline.syncOperations.fireChannelRegistered()
            let result = address.withSockAddr { start, size in Glibc.connect(descriptor, start, socklen_t(size)) }
            if result == 0 {
                become(active: promise)
            } else if errno == EINPROGRESS {
                settle()
            } else {
                close0(error: IOError(errnoCode: errno, reason: "connect"), mode: .all, promise: nil)
            }
        }

        func finishConnecting() {
            var number: CInt = 0
            var size = socklen_t(MemoryLayout<CInt>.size)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &size)
            guard number == 0 else { return close0(error: IOError(errnoCode: number, reason: "connect"), mode: .all, promise: nil) }
            become(active: connected)
        }

        private func become(active promise: EventLoopPromise<Void>?) {
            state = .active
            connected = nil
            let local = SocketAddress { getsockname(descriptor, $0, $1) }
            addresses.withLock { $0.local = local }
            if case .unixDomainSocket? = local { isUnix = true }
            promise?.succeed()
            if state == .active { pipeline.syncOperations.fireChannelActive() }
            if state == .active, reader == nil, autoRead { pipeline.syncOperations.read() }
            settle()
        }

        // MARK: - Reading and writing

        package func read0() {
            wantsRead = true
            settle()
        }

        package func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
            guard state == .active, !isOutputShut, shutting == nil else {
                return promise?.fail(state == .active ? ChannelError.outputClosed : ChannelError.ioOnClosedChannel) ?? ()
            }
            let wasWritable = isWritable
            output.add(unwrapData(data), promise)
            if wasWritable { pipeline.syncOperations.fireChannelWritabilityChanged() }
        }

        package func flush0() {
            output.flush()
            if state == .active, !isBlocked { writeOut() }
        }

        // MARK: - The end

        package func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            guard state != .closed else { return promise?.fail(ChannelError.alreadyClosed) ?? () }
            switch mode {
            case .all: closeAll(error, promise)
            case .output:
                guard state == .active, !isOutputShut, shutting == nil else { return promise?.fail(ChannelError.outputClosed) ?? () }
                guard !isInputEnded else { return closeAll(error, promise) }
                let shut = promise ?? eventLoop.makePromise()
                if isWritable { shutOutput(shut) } else { shutting = shut }
            case .input: promise?.fail(ChannelError.operationUnsupported)
            }
        }

        private func closeAll(_ error: any Error, _ promise: EventLoopPromise<Void>?) {
            let was = state
            state = .closed
            reactor.poller.close(self)
            reader = nil
            isBlocked = false
            for unsent in output.removeAll() { unsent.fail(error) }
            shutting.take()?.fail(error)
            connected.take()?.fail(error)
            promise?.succeed()
            if was == .active { pipeline.syncOperations.fireChannelInactive() }
            if was != .idle { pipeline.syncOperations.fireChannelUnregistered() }
            // Later: whoever closes may be a handler that is still at work in the pipeline.
            reactor.execute { [self] in
                removeHandlers(pipeline: pipeline)
                closed.succeed()
            }
        }
    }
#endif
