#if os(Linux)
    package import Dispatch
    package import NIOCore
    import Synchronization

    /// Event loops that serve sockets straight (``Reactor``), for whatever takes a group of NIO's.
    package final class ReactorGroup: EventLoopGroup {
        package let reactors: [Reactor]
        private let turn = Atomic<Int>(0)
        private let threads: Threads

        /// Those that a program shares where it asks for none of its own: one for each processor, never shut down.
        package static let shared = try? ReactorGroup(threads: System.coreCount, mayEnd: false)

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
                reactors = started
            } catch let error as SystemError {
                for reactor in started { reactor.stop() }
                throw IOError(errnoCode: error.number, reason: "cannot start an event loop (\(error.call))")
            }
        }

        /// The next in turn, or the one that asks.
        package func next() -> any EventLoop { nextReactor() }

        func nextReactor() -> Reactor { reactors[abs(turn.wrappingAdd(1, ordering: .relaxed).oldValue % reactors.count)] }

        package func any() -> any EventLoop { reactors.first { $0.inEventLoop } ?? nextReactor() }

        package func makeIterator() -> EventLoopIterator { EventLoopIterator(reactors) }

        /// Closes everything on the loops and ends their threads; `callback` is called when the last one has ended.
        package func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
            guard threads.mayEnd else { return queue.async { callback(EventLoopError.unsupportedOperation) } }
            threads.whenOver { queue.async { callback(nil) } }
            for reactor in reactors { reactor.stop() }
        }
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
