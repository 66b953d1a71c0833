#if os(Linux)
    import CEpoll
    package import Dispatch
    import Glibc
    package import NIOCore
    import Synchronization

    /// An event loop on a thread and an epoll of its own, for NIO's futures, channels and handlers like NIO's own loops; besides, a socket
    /// on it can be read without a pipeline (``SocketChannel/takeOver(by:)``), at the cost of the system calls.
    ///
    /// A turn: sockets that are ready, then timers that are due, then tasks: those of one thread in the order in which it asked. Tasks that tasks add belong to the same
    /// turn, a few times over, so that whoever plans something for the turn's end has it done before the loop sleeps.
    ///
    /// `@unchecked Sendable`: everything but the atomics and `incoming` is confined to the thread.
    package final class Reactor: EventLoop, @unchecked Sendable {
        /// A task. A bare closure in an array would be wrapped in another one, on the heap, each time.
        private struct Job: Sendable {
            let run: @Sendable () -> Void
        }

        private struct Incoming {
            var jobs: [Job] = []
            var isAsleep = false
            var isOver = false
        }

        /// What is read is read here first, by all sockets of the thread: 64 KiB, which stay in the processor's cache.
        let scratch: UnsafeMutableRawBufferPointer
        let poller: Poller
        private let thread = Atomic<UInt>(0)
        private let ids = Atomic<UInt64>(0)
        private let incoming = Mutex(Incoming())
        @exclusivity(unchecked) private var jobs: [Job] = []
        @exclusivity(unchecked) private var running: [Job] = []
        @exclusivity(unchecked) private(set) var timers = Timers()
        @exclusivity(unchecked) private var isStopping = false

        /// Tasks that add tasks are followed so often before sockets are looked at again.
        private static let rounds = 8
        /// What still adds tasks after so many turns of the end would do so for ever.
        private static let lastTurns = 1_000

        /// - Throws: when the system has no descriptors left.
        init() throws {
            poller = try Poller()
            scratch = .allocate(byteCount: 64 << 10, alignment: 64)
        }

        deinit { scratch.deallocate() }

        // MARK: - The thread

        /// Starts the thread, which holds the reactor until ``stop()``; `over` is called at its end, on it.
        /// - Throws: when the system has no more threads.
        func start(name: String, over: @escaping @Sendable () -> Void) throws {
            let body = Unmanaged.passRetained(ThreadBody(reactor: self, name: name, over: over))
            var handle = pthread_t()
            let failure = pthread_create(
                &handle, nil,
                { argument in
                    guard let argument else { return nil }
                    Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
                    return nil
                }, body.toOpaque())
            guard failure == 0 else {
                body.release()
                throw SystemError(number: failure, call: "pthread_create")
            }
            pthread_detach(handle)
        }

        fileprivate func run() {
            // Others may read the old value: none of them is this thread, either way.
            thread.store(UInt(pthread_self()), ordering: .relaxed)
            while !isStopping {
                runDue()
                let isDone = runJobs()
                // Nobody wakes a loop that has been told to stop.
                poller.wait(until: isDone && !isStopping ? deadline() : 0)
                incoming.withLock { $0.isAsleep = false }
            }
            end()
        }

        /// When to wake up for a timer.
        private func deadline() -> UInt64 { timers.next().map { max($0, 1) } ?? .max }

        private func runDue() {
            let now = NIODeadline.now()
            while let work = timers.due(at: now) {
                switch work {
                case .task(let run, _): run()
                case .callback(let handler): handler.handleScheduledCallback(eventLoop: self)
                }
            }
        }

        /// - Returns: whether there are none left, and the thread may sleep.
        private func runJobs() -> Bool {
            // What tasks go on adding must not keep others from being heard.
            if !jobs.isEmpty { joinIncoming() }
            for _ in 0..<Reactor.rounds {
                if jobs.isEmpty, !takeIncoming() { return true }
                swap(&jobs, &running)
                for job in running { job.run() }
                running.removeAll(keepingCapacity: true)
            }
            return false
        }

        /// Looks at what other threads have left. When there is nothing, they know from here on that this one sleeps.
        private func takeIncoming() -> Bool {
            incoming.withLock { incoming in
                incoming.isAsleep = incoming.jobs.isEmpty && !isStopping
                swap(&incoming.jobs, &jobs)
            }
            return !jobs.isEmpty
        }

        private func joinIncoming() {
            incoming.withLock { incoming in
                jobs += incoming.jobs
                incoming.jobs.removeAll(keepingCapacity: true)
            }
        }

        /// Closes what is open, does what was asked for before, and lets nobody in.
        private func end() {
            for _ in 0..<Reactor.lastTurns {
                guard !isOver() else { break }
                for watcher in poller.watchers { watcher.reactorStops() }
                _ = runJobs()
                for work in timers.removeAll() { cancel(work) }
            }
            incoming.withLock { incoming in
                incoming.isOver = true
                incoming.jobs = []
            }
            jobs = []
            poller.wait(until: 0)
            // The system may give the same name to a thread that begins later.
            thread.store(0, ordering: .relaxed)
        }

        /// Whether nothing is left; then nothing more is taken either.
        private func isOver() -> Bool {
            guard jobs.isEmpty, timers.isEmpty, poller.count == 0 else { return false }
            return incoming.withLock { incoming in
                incoming.isOver = incoming.jobs.isEmpty
                return incoming.isOver
            }
        }

        /// Ends the thread after what it has been asked to do so far.
        func stop() { execute { self.isStopping = true } }

        // MARK: - EventLoop

        package var inEventLoop: Bool { UInt(pthread_self()) == thread.load(ordering: .relaxed) }

        package func execute(_ task: @escaping @Sendable () -> Void) { _ = take(task) }

        /// - Returns: whether it will be done; a loop that has ended does nothing.
        func take(_ task: @escaping @Sendable () -> Void) -> Bool {
            guard inEventLoop else { return leave(task) }
            jobs.append(Job(run: task))
            return true
        }

        /// Adds to what other threads have left.
        private func leave(_ task: @escaping @Sendable () -> Void) -> Bool {
            let (isTaken, wakes) = incoming.withLock { incoming in
                guard !incoming.isOver else { return (false, false) }
                incoming.jobs.append(Job(run: task))
                defer { incoming.isAsleep = false }
                return (true, incoming.isAsleep)
            }
            if wakes { poller.wake() }
            return isTaken
        }

        package func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
            let promise = makePromise(of: T.self)
            let id = ids.wrappingAdd(1, ordering: .relaxed).newValue
            let scheduled = Scheduled(promise: promise, cancellationTask: { self.remove(id) })
            let run: @Sendable () -> Void = {
                do { promise.assumeIsolated().succeed(try task()) } catch { promise.fail(error) }
            }
            _ = add(id, at: deadline) { .task(run: run, cancelled: { promise.fail(EventLoopError.cancelled) }) }
            return scheduled
        }

        package func scheduleTask<T>(in amount: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
            scheduleTask(deadline: .now() + amount, task)
        }

        package func scheduleCallback(at deadline: NIODeadline, handler: some (NIOScheduledCallbackHandler & Sendable)) throws -> NIOScheduledCallback
        {
            let id = ids.wrappingAdd(1, ordering: .relaxed).newValue
            guard add(id, at: deadline, { .callback(handler) }) else { throw EventLoopError.shutdown }
            return NIOScheduledCallback(self, id: id)
        }

        package func cancelScheduledCallback(_ callback: NIOScheduledCallback) {
            if let id = callback.customCallbackID { remove(id) }
        }

        private func add(_ id: UInt64, at deadline: NIODeadline, _ work: @escaping @Sendable () -> Timers.Work) -> Bool {
            guard inEventLoop else { return leave { self.timers.add(id, at: deadline, work()) } }
            timers.add(id, at: deadline, work())
            return true
        }

        private func remove(_ id: UInt64) {
            if inEventLoop, let work = timers.remove(id) { return cancel(work) }
            // Asked for by another thread, it may be on its way still: what looks for it comes behind it.
            _ = leave { if let work = self.timers.remove(id) { self.cancel(work) } }
        }

        private func cancel(_ work: Timers.Work) {
            switch work {
            case .task(_, let cancelled): cancelled()
            case .callback(let handler): handler.didCancelScheduledCallback(eventLoop: self)
            }
        }

        /// One of a ``ReactorGroup`` ends with its group.
        package func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
            queue.async { callback(EventLoopError.unsupportedOperation) }
        }
    }

    /// What a reactor's thread begins with.
    private final class ThreadBody: Sendable {
        let reactor: Reactor
        let name: String
        let over: @Sendable () -> Void

        init(reactor: Reactor, name: String, over: @escaping @Sendable () -> Void) {
            self.reactor = reactor
            self.name = name
            self.over = over
        }

        func run() {
            switchyard_name_thread(name)
            reactor.run()
            over()
        }
    }
#endif
