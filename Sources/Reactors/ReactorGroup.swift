#if os(Linux)
    package import Dispatch
    package import NIOCore
    import Synchronization

    /// Event loops that serve sockets straight (``Reactor``), for whatever takes a group of NIO's.
    package final class ReactorGroup: EventLoopGroup {
        package var reactors: [Reactor] { ring.reactors }
        package let ring: ReactorRing
        private let threads: Threads

        /// More serve no role: a session's number has six bits for them.
        private static let most = 64

        /// Those that a program shares where it asks for none of its own: one for each processor up to 64, never shut down.
        package static let shared = try? ReactorGroup(threads: min(Processors.count, most), mayEnd: false)

        /// Starts the threads.
        /// - Parameter threads: 1 to 64 make sense.
        /// - Throws: one line, when the system has no more descriptors or threads.
        package convenience init(threads: Int) throws { try self.init(threads: threads, mayEnd: true) }

        private init(threads count: Int, mayEnd: Bool) throws {
            let threads = Threads(mayEnd: mayEnd)
            self.threads = threads
            var started: [Reactor] = []
            do {
                for index in 0..<max(1, count) {
                    let reactor = try Reactor()
                    threads.began()
                    try reactor.start(name: "loop-\(index)") { threads.ended() }
                    started.append(reactor)
                }
                ring = ReactorRing(started)
            } catch let error as SystemError {
                for reactor in started { reactor.stop() }
                throw IOError(errnoCode: error.number, reason: "cannot start an event loop (\(error.call))")
            }
        }

        /// The next in turn, or the one that asks.
        package func next() -> any EventLoop { ring.next() }

        package func any() -> any EventLoop { reactors.first { $0.inEventLoop } ?? ring.next() }

        package func makeIterator() -> EventLoopIterator { EventLoopIterator(reactors) }

        /// Closes everything on the loops and ends their threads; `callback` is called when the last one has ended.
        package func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
            guard threads.mayEnd else { return queue.async { callback(EventLoopError.unsupportedOperation) } }
            threads.whenOver { queue.async { callback(nil) } }
            for reactor in reactors { reactor.stop() }
        }
    }

    /// Reactors that take connections in turn.
    package final class ReactorRing: Sendable {
        let reactors: [Reactor]
        private let turn = Atomic<Int>(0)

        init(_ reactors: [Reactor]) { self.reactors = reactors }

        /// The loops of `group`, which may be one of them alone; nil when they are not all reactors.
        package static func of(_ group: any EventLoopGroup) -> ReactorRing? {
            if let group = group as? ReactorGroup { return group.ring }
            let loops = Array(group.makeIterator())
            let reactors = loops.compactMap { $0 as? Reactor }
            return reactors.isEmpty || reactors.count < loops.count ? nil : ReactorRing(reactors)
        }

        func next() -> Reactor { reactors[abs(turn.wrappingAdd(1, ordering: .relaxed).oldValue % reactors.count)] }
    }

    /// Counts threads, and knows who waits for the last one.
    private final class Threads: Sendable {
        private struct State {
            var alive = 0
            var waiting: [@Sendable () -> Void] = []
        }

        let mayEnd: Bool
        private let state = Mutex(State())

        init(mayEnd: Bool) { self.mayEnd = mayEnd }

        func began() { state.withLock { $0.alive += 1 } }

        func ended() { tell { $0.alive -= 1 } }

        func whenOver(_ callback: @escaping @Sendable () -> Void) { tell { $0.waiting.append(callback) } }

        private func tell(_ change: (inout State) -> Void) {
            let told = state.withLock { state in
                change(&state)
                guard state.alive == 0 else { return [@Sendable () -> Void]() }
                defer { state.waiting = [] }
                return state.waiting
            }
            for callback in told { callback() }
        }
    }
#endif
