#if os(Linux)
    import CEpoll
    import Glibc
    import NIOCore

    extension SocketChannel {
        /// Reads in a row, before other sockets have their turn.
        private static let readsInARow = 4

        private enum Input {
            case bytes(Int)
            case end
            case nothing
            case failed(IOError)
        }

        /// Reads what there is. A read that did not fill the buffer has left nothing, but for the end and what stands behind urgent
        /// bytes, which are told by events.
        /// - Parameter toEnd: such an event has come.
        /// - Returns: whether it stopped before it had all.
        func readIn(toEnd: Bool) -> Bool {
            for _ in 0..<SocketChannel.readsInARow {
                switch receive() {
                case .bytes(let count):
                    guard deliver(count) else { return true }
                    if count < reactor.scratch.count, !toEnd { return false }
                case .end:
                    endInput()
                    return false
                case .nothing: return false
                case .failed(let error):
                    fail(error)
                    return false
                }
            }
            return true
        }

        /// Reads all that is left, though nobody has asked.
        func readToEnd() {
            while state == .active, !isInputEnded {
                switch receive() {
                case .bytes(let count): _ = deliver(count)
                case .end: endInput()
                case .nothing: return
                case .failed(let error): fail(error)
                }
            }
        }

        /// What can still be read from a socket to which nothing can be written any more: it may say why.
        func readRest() {
            while state == .active, !isInputEnded, case .bytes(let count) = receive() { _ = deliver(count) }
        }

        private func receive() -> Input {
            while true {
                let count = switchyard_recv(descriptor, reactor.scratch.baseAddress, reactor.scratch.count)
                if count > 0 { return .bytes(count) }
                if count == 0 { return .end }
                switch errno {
                case EINTR: continue
                case EAGAIN: return .nothing
                case let number: return .failed(IOError(errnoCode: number, reason: "read"))
                }
            }
        }

        /// - Returns: whether more may be read at once.
        private func deliver(_ count: Int) -> Bool {
            let bytes = UnsafeRawBufferPointer(rebasing: reactor.scratch[..<count])
            if let reader {
                reader.socket(received: bytes)
                return state == .active && autoRead && !isInputEnded
            }
            wantsRead = false
            pipeline.syncOperations.fireChannelRead(NIOAny(allocator.buffer(bytes: bytes)))
            pipeline.syncOperations.fireChannelReadComplete()
            if autoRead, state == .active { pipeline.syncOperations.read() }
            return state == .active && wantsRead && !isInputEnded
        }

        private func endInput() {
            guard allowsHalfClosure, !isOutputShut else { return close0(error: ChannelError.eof, mode: .all, promise: nil) }
            isInputEnded = true
            if let reader { reader.socketInputEnded() } else { pipeline.syncOperations.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        }
    }
#endif
