#if os(Linux)
    import Glibc
    import NIOCore

    extension SocketChannel {
        /// Reads in a row, before other sockets have their turn.
        private static let readsInARow = 4

        private enum Input { case bytes(Int), end, nothing, failed(IOError) }

        /// - Returns: whether there was anything, or an end.
        func readIn() -> Bool {
            for round in 0..<SocketChannel.readsInARow {
                switch receive() {
                case .bytes(let count):
                    // One that filled the buffer has left more.
                    guard deliver(count), count == reactor.scratch.count else { return true }
                case .end:
                    endInput()
                    return true
                case .nothing: return round > 0
                case .failed(let error):
                    fail(error)
                    return true
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
                let count = recv(descriptor, reactor.scratch.baseAddress, reactor.scratch.count, 0)
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
            return false
        }

        private func endInput() {
            guard allowsHalfClosure, !isOutputShut else { return close0(error: ChannelError.eof, mode: .all, promise: nil) }
            isInputEnded = true
            if let reader { reader.socketInputEnded() } else { pipeline.syncOperations.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        }
    }
#endif
