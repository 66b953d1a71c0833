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
/// So a handler that blocks holds one thread and delays nobody else for more than a few milliseconds, and a handler that suspends holds none.
///
/// `@unchecked Sendable`: what changes is guarded by `gate`; only this type's own files touch it.
final class LaneThreads: TaskExecutor, @unchecked Sendable {
    private let limit: Int
    let processors = Processors.count
    let gate = ThreadGate()
    // Exclusivity is not checked at run time for what the gate guards and every lane touches.
    @exclusivity(unchecked) var jobs = Deque<UnownedJob>()
    /// Lanes with something to do, those that have waited longest first.
    @exclusivity(unchecked) var lanes = UniqueDeque<Lane>()
    /// Runners without a lane; each hears whether lanes wait for it, or else that there will be none any more.
    var resting: [UnsafeContinuation<Bool, Never>] = []
    /// Runners that have been told so and have not looked yet.
    @exclusivity(unchecked) var starting = 0
    /// Every runner, for ``stop()``: as many as there have been lanes with a handler under way at once, and a few more.
    var runners: [Task<Void, Never>] = []
    var workers: [LaneWorker] = []
    var parked = 0
    /// Signals that parked workers have not taken up yet.
    var waking = 0
    var stuck = 0
    var isStopped = false
    var isWatched = false
    var watchRests = false
    let watchSleep = DispatchSemaphore(value: 0)
    /// Called at each look of the watch; returns whether there is anything to look at.
    let looking: @Sendable () -> Bool

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

    func wakeOne() {
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
    func begin(_ worker: LaneWorker) {
        worker.taken.store(worker.taken.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        recover(worker)
    }

    // MARK: - Rest and end

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
}
