#if os(Linux)
    import CEpoll
    import DequeModule
    import Glibc
    import NIOCore

    /// What was written to a channel and the socket has not taken.
    struct Output {
        private var writes: Deque<(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)> = []
        /// So many of them may go.
        private var flushed = 0

        var isEmpty: Bool { writes.isEmpty }
        mutating func add(_ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?) { writes.append((bytes, promise)) }
        mutating func flush() { flushed = writes.count }
        var next: ByteBuffer? { flushed > 0 ? writes.first?.bytes : nil }

        /// - Returns: the promise of a write that is through.
        mutating func taken(_ count: Int) -> EventLoopPromise<Void>? {
            guard count == writes.first?.bytes.readableBytes else {
                writes[0].bytes.moveReaderIndex(forwardBy: count)
                return nil
            }
            flushed -= 1
            return writes.removeFirst().promise
        }

        mutating func removeAll() -> [EventLoopPromise<Void>] {
            defer { self = Output() }
            return writes.compactMap(\.promise)
        }
    }

    extension SocketChannel {
        /// Gives the socket what it takes.
        func writeOut() {
            let wasWritable = isWritable
            isBlocked = false
            while state == .active, let bytes = output.next {
                let count = bytes.withUnsafeReadableBytes { switchyard_send(descriptor, $0.baseAddress, $0.count) }
                if count >= 0 {
                    output.taken(count)?.succeed()
                } else if errno == EAGAIN {
                    isBlocked = true
                    break
                } else if errno != EINTR {
                    return breakOff(IOError(errnoCode: errno, reason: "write"))
                }
            }
            guard state == .active else { return }
            settle()
            if isWritable, let promise = shutting { shutOutput(promise) }
            if !wasWritable, isWritable { pipeline.syncOperations.fireChannelWritabilityChanged() }
        }

        /// Nothing can be written any more. The end comes later in this turn: whoever writes may be looking at what was read, by this socket or another,
        /// and the rest would be read to the same place.
        private func breakOff(_ error: any Error) {
            isBlocked = true
            guard !isBroken else { return }
            isBroken = true
            reactor.execute { [self] in
                readRest()
                close0(error: error, mode: .all, promise: nil)
            }
        }

        /// Shuts this side's direction.
        func shutOutput(_ promise: EventLoopPromise<Void>) {
            shutting = nil
            isOutputShut = true
            guard shutdown(descriptor, CInt(SHUT_WR)) == 0 else { return promise.fail(IOError(errnoCode: errno, reason: "shutdown")) }
            promise.succeed()
            pipeline.syncOperations.fireUserInboundEventTriggered(ChannelEvent.outputClosed)
        }
    }
#endif
