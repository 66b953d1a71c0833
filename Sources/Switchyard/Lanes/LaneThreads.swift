import DequeModule
import Dispatch
import Reactors
import Synchronization

/// The threads on which handlers run: a task executor over at most `limit` threads, started on demand (rule S8).
///
/// Lanes that have something to do wait here for a runner: a task that handles one lane's batch after the other. As long as handlers return
/// without suspending, one runner does all the work of a burst in one job, so that a lane costs neither a task nor the runtime's lock of a task that
/// is resumed. A handler that suspends takes its runner with it, and the next lane gets another one. What has been resumed and lanes take turns.
///
/// As long as handlers are short, one thread does all the work of a burst, because waking a second would cost more than it saves. A watch
/// looks every 2 ms: a thread that is still in the job that it had at the last look, and waits there, counts as stuck, and others take its
/// place, one for each processor while there is progress and one for each job when there is none. One that merely waits for a processor
/// does not: on a busy machine each such look would bring another thread, and all of them would wait for that processor.
/// So a handler that blocks holds one thread and delays
/// nobody else for more than a few milliseconds, and a handler that suspends holds none.
///
/// `@unchecked Sendable`: what changes is guarded by `gate`.
final class LaneThreads: TaskExecutor, @unchecked Sendable {
    /// Between two looks of the watch while something runs.
    static let look = 0.002
    /// Between two looks while handlers are merely suspended.
    static let restingLook = 0.05
    /// Looks without anything to see before the watch rests.
    private static let patience = 50

    private let limit: Int
    private let processors = Processors.count
    private let gate = ThreadGate()
    // Exclusivity is not checked at run time for what the gate guards and every lane touches.
    @exclusivity(unchecked) private var jobs = Deque<UnownedJob>()
    /// Lanes with something to do, those that have waited longest first.
    @exclusivity(unchecked) private var lanes = UniqueDeque<Lane>()
    /// Runners without a lane; each hears whether lanes wait for it, or else that there will be none any more.
    private var resting: [UnsafeContinuation<Bool, Never>] = []
    /// Runners that have been told so and have not looked yet.
    @exclusivity(unchecked) private var starting = 0
    /// Every runner, for ``stop()``: as many as there have been lanes with a handler under way at once, and a few more.
    private var runners: [Task<Void, Never>] = []
    private var workers: [LaneWorker] = []
    private var parked = 0
    /// Signals that parked workers have not taken up yet.
    private var waking = 0
    private var stuck = 0
    private var isStopped = false
    private var isWatched = false
    private var watchRests = false
    private let watchSleep = DispatchSemaphore(value: 0)
    /// Called at each look of the watch; returns whether there is anything to look at.
    private let looking: @Sendable () -> Bool

    /// - Parameters:
    ///   - limit: the most threads, at least 1.
    ///   - looking: called by the watch every few milliseconds while anything runs.
    init(limit: Int, looking: @escaping @Sendable () -> Bool) {
        self.limit = max(limit, 1)
        self.looking = looking
    }

    /// Threads that have been started.
    var count: Int {
        gate.lock()
        defer { gate.unlock() }
        return workers.count
    }

    // MARK: - Jobs

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        gate.lock()
        jobs.append(job)
        wakeForWork()
        gate.unlock()
    }

    /// A lane has something to do, and had nothing before.
    func schedule(_ lane: Lane) {
        gate.lock()
        lanes.append(lane)
        wakeForWork()
        gate.unlock()
    }

    /// The same of many, which wake one thread; leaves none in `ready`.
    func schedule(_ ready: inout UniqueDeque<Lane>) {
        guard !ready.isEmpty else { return }
        gate.lock()
        if lanes.isEmpty { swap(&lanes, &ready) } else { while let lane = ready.popFirst() { lanes.append(lane) } }
        wakeForWork()
        gate.unlock()
    }

    /// Under the gate: someone who is not stuck must be awake.
    private func wakeForWork() {
        if !isWatched { startWatch() }
        if watchRests {
            watchRests = false
            watchSleep.signal()
        }
        if workers.count - parked + waking - stuck <= 0 { wakeOne() }
    }

    private func wakeOne() {
        if parked > waking {
            waking += 1
            gate.signal()
        } else if workers.count < limit {
            let worker = LaneWorker()
            workers.append(worker)
            if !DetachedThread.run({ self.work(worker) }) { workers.removeLast() }
        }
    }

    private func work(_ worker: LaneWorker) {
        worker.own {
            gate.lock()
            while true {
                // Behind jobs one is enough; a thread that is free starts its own, should another thread's not have looked yet.
                while !lanes.isEmpty, starting < (jobs.isEmpty ? lanes.count : 1) { startRunner() }
                guard let job = jobs.popFirst() else {
                    if park(worker) { continue } else { break }
                }
                begin(worker)
                worker.quota = 0
                worker.isRunning = true
                gate.unlock()
                job.runSynchronously(on: asUnownedTaskExecutor())
                gate.lock()
                worker.isRunning = false
                recover(worker)
            }
            gate.unlock()
        }
    }

    /// Under the gate: the worker gets something else to do.
    private func begin(_ worker: LaneWorker) {
        worker.taken.store(worker.taken.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        recover(worker)
    }

    // MARK: - Runners

    /// Under the gate, which it gives up meanwhile: makes a job, behind those that wait, for the lanes that do.
    private func startRunner() {
        starting += 1
        let rested = resting.popLast()
        gate.unlock()
        // Either way ``enqueue(_:)`` is called at once, but by a runner that has not gone to sleep yet: that goes on by itself.
        let fresh = rested == nil ? Task(executorPreference: self) { await self.handleLanes() } : nil
        rested?.resume(returning: true)
        gate.lock()
        guard let fresh else { return }
        runners.removeAll { $0.isCancelled }
        runners.append(fresh)
        guard isStopped else { return }
        gate.unlock()
        fresh.cancel()
        gate.lock()
    }

    private nonisolated(nonsending) func handleLanes() async {
        var batch = UniqueDeque<LaneItem>()
        var goesOn = true
        while goesOn {
            var lane = next(isFirst: true, behind: nil)
            while let current = lane.take() {
                let hasMore = await current.handle(&batch)
                await LaneThreads.goHome()
                lane = next(isFirst: false, behind: hasMore ? current : nil)
            }
            // Should a handler have cancelled the task that it runs in, that is not the next lanes' affair.
            goesOn = Task.isCancelled ? false : await rest()
        }
    }

    /// Whoever awaits this is back on its own executor behind it. A handler should leave its caller there, but compilers have forgotten that for
    /// some handlers that end by throwing, or are functions given by name; the next lane would run inside whatever actor the last handler used.
    @concurrent @inline(never)
    static func goHome() async {}

    /// The lane that has waited longest; nil when none waits, or when jobs have their turn.
    /// - Parameters:
    ///   - isFirst: the runner has just begun. What it may take in this job although others wait is as many lanes as wait now; a runner whose job
    ///     is that of a handler which was resumed has had its turn.
    ///   - lane: has been handled, and has more to do.
    private func next(isFirst: Bool, behind lane: consuming Lane?) -> Lane? {
        gate.lock()
        defer { gate.unlock() }
        if let lane { lanes.append(lane) }
        if isFirst { starting -= 1 }
        guard !lanes.isEmpty, !Task.isCancelled || isStopped else { return nil }
        var isMine = jobs.isEmpty
        _ = LaneWorker.withCurrent { worker in
            if isFirst { worker.quota = lanes.count }
            isMine = isMine || worker.quota > 0
            guard isMine else { return }
            worker.quota -= 1
            begin(worker)
        }
        return isMine ? lanes.popFirst() : nil
    }

    /// Waits until lanes do; false when the threads have stopped. Whoever comes here is on one of the threads, which looks for lanes again when
    /// this job has ended.
    private nonisolated(nonsending) func rest() async -> Bool {
        await withUnsafeContinuation { continuation in
            gate.lock()
            let isStopped = isStopped
            if !isStopped { resting.append(continuation) }
            gate.unlock()
            if isStopped { continuation.resume(returning: false) }
        }
    }

    /// Under the gate: nothing to do. Returns false when the thread is to end.
    private func park(_ worker: LaneWorker) -> Bool {
        if !worker.owesNothing {
            gate.unlock()
            worker.settle()
            gate.lock()
            return true
        }
        if isStopped {
            workers.removeAll { $0 === worker }
            return false
        }
        parked += 1
        gate.wait()
        parked -= 1
        if waking > 0 { waking -= 1 }
        return true
    }

    private func recover(_ worker: LaneWorker) {
        guard worker.isStuck else { return }
        worker.isStuck = false
        stuck -= 1
    }

    /// Threads end when nothing is left for them to do. Jobs that come later are still run, by those that a handler keeps, else by the
    /// caller's next ``enqueue(_:)``. The calls under way are cancelled: no lane calls a handler any more.
    func stop() {
        gate.lock()
        isStopped = true
        watchRests = false
        watchSleep.signal()
        let (tasks, sleepers) = (runners, resting)
        (runners, resting) = ([], [])
        gate.broadcast()
        gate.unlock()
        for task in tasks { task.cancel() }
        for sleeper in sleepers { sleeper.resume(returning: false) }
    }

    // MARK: - The watch

    private func startWatch() {
        isWatched = DetachedThread.run { [self] in
            var quiet = 0
            while true {
                let isBusy = lookAtWorkers()
                let isOwed = looking()
                gate.lock()
                if isStopped, !isBusy, !isOwed, workers.isEmpty {
                    isWatched = false
                    gate.unlock()
                    return
                }
                quiet = isBusy ? 0 : quiet + 1
                watchRests = quiet > LaneThreads.patience && jobs.isEmpty && lanes.isEmpty && parked == workers.count && !isStopped
                let rests = watchRests
                gate.unlock()
                if !rests {
                    _ = watchSleep.wait(timeout: .now() + LaneThreads.look)
                } else if isOwed {
                    _ = watchSleep.wait(timeout: .now() + LaneThreads.restingLook)
                } else {
                    watchSleep.wait()
                }
            }
        }
    }

    /// Finds who is stuck, and wakes others for what waits. Returns whether anything runs or waits.
    private func lookAtWorkers() -> Bool {
        gate.lock()
        defer { gate.unlock() }
        var running = 0
        for worker in workers where worker.isRunning {
            running += 1
            guard !worker.isStuck, worker.isHeldUp() else { continue }
            worker.isStuck = true
            stuck += 1
        }
        let waiting = jobs.count + lanes.count
        if waiting > 0 {
            // Whoever has been woken or started counts, though on a busy machine it may not have run yet.
            let free = workers.count - parked + waking - stuck
            let wanted = free > 0 ? min(waiting, processors - free) : waiting
            for _ in 0..<max(wanted, 0) { wakeOne() }
        }
        return running > 0 || waiting > 0
    }
}
