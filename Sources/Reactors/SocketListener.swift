#if os(Linux)
    import CEpoll
    import Glibc
    package import NIOCore

    /// A listening socket whose connections go to some reactors in turn.
    ///
    /// `@unchecked Sendable`: confined to its reactor, but for the address.
    package final class SocketListener: Watcher, @unchecked Sendable {
        package typealias Initializer = @Sendable (any Channel) -> EventLoopFuture<Void>

        /// Where it listens.
        package let address: SocketAddress
        private let reactor: Reactor
        private let ring: ReactorRing
        private let batch: Int
        private let initializer: Initializer

        /// A system that has no descriptors left is asked again after this.
        private static let pause = TimeAmount.milliseconds(50)

        /// Binds and listens. `initializer` fills the pipeline of each connection, on its loop; one whose future fails is closed.
        /// - Parameters:
        ///   - backlog: connections that the kernel holds until they are taken.
        ///   - batch: connections that are taken in a row.
        /// - Throws: `IOError`.
        package static func bind(
            to address: SocketAddress, backlog: CInt, batch: Int, ring: ReactorRing, initializer: @escaping Initializer
        ) async throws -> SocketListener {
            let listener = try SocketListener(address, backlog: backlog, batch: batch, ring: ring, initializer: initializer)
            do {
                try await listener.reactor.submit { try listener.reactor.poller.watch(listener, for: switchyard_in) }.get()
            } catch let error as SystemError {
                throw IOError(errnoCode: error.number, reason: "\(error.call)")
            }
            return listener
        }

        private init(_ address: SocketAddress, backlog: CInt, batch: Int, ring: ReactorRing, initializer: @escaping Initializer) throws {
            self.ring = ring
            self.batch = batch
            self.initializer = initializer
            reactor = ring.next()
            let descriptor = try address.makeSocket()
            do {
                var on: CInt = 1
                setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
                if case .unixDomainSocket = address, let path = address.pathname { try SocketListener.removeSocket(at: path) }
                guard address.withSockAddr({ start, size in Glibc.bind(descriptor, start, socklen_t(size)) }) == 0 else {
                    throw IOError(errnoCode: errno, reason: "bind")
                }
                guard listen(descriptor, backlog) == 0 else { throw IOError(errnoCode: errno, reason: "listen") }
            } catch {
                Glibc.close(descriptor)
                throw error
            }
            self.address = SocketAddress { getsockname(descriptor, $0, $1) } ?? address
            super.init(descriptor: descriptor)
        }

        /// What an earlier process left; anything but a socket stays.
        private static func removeSocket(at path: String) throws {
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
            guard unlink(path) == 0 else { throw IOError(errnoCode: errno, reason: "unlink") }
        }

        /// Stops listening.
        package func close() async throws {
            try await reactor.submit { self.reactor.poller.close(self) }.get()
        }

        override func reactorStops() { reactor.poller.close(self) }

        override func ready(_ events: UInt32) {
            for _ in 0..<batch {
                var storage = sockaddr_storage()
                var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
                let accepted = withUnsafeMutablePointer(to: &storage) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        switchyard_accept(descriptor, $0, &size)
                    }
                }
                guard accepted < 0 else {
                    enter(accepted, SocketAddress(storage))
                    continue
                }
                switch errno {
                case EINTR, ECONNABORTED: continue
                case EMFILE, ENFILE, ENOBUFS, ENOMEM: return rest()
                default: return
                }
            }
        }

        private func enter(_ descriptor: CInt, _ remote: SocketAddress?) {
            let target = ring.next()
            let initializer = initializer
            let isTaken = target.take {
                let channel = SocketChannel(descriptor, on: target, remote: remote)
                initializer(channel).whenComplete { result in
                    switch result {
                    case .success: channel.activate()
                    case .failure(let error): channel.close0(error: error, mode: .all, promise: nil)
                    }
                }
                // Nothing is waited for yet, but a loop that stops closes whom it watches.
                if channel.state == .idle { try? target.poller.watch(channel, for: switchyard_et) }
            }
            if !isTaken { Glibc.close(descriptor) }
        }

        /// Looks away for a moment.
        private func rest() {
            try? reactor.poller.watch(self, for: 0)
            _ = reactor.scheduleTask(in: SocketListener.pause) { try self.reactor.poller.watch(self, for: switchyard_in) }
        }
    }
#endif
