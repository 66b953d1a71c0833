import DequeModule
import Dispatch
import NIOCore
import Synchronization

/// The threads on which handlers run: a task executor over at most `limit` threads, started on demand (rule S8).
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
    private let processors = System.coreCount
    private let gate = ThreadGate()
    private var jobs = Deque<UnownedJob>()
    private var workers: [LaneWorker] = []
    private var parked = 0
    /// Signals that parked workers have not taken up yet.
    private var waking = 0
    private var stuck = 0
    private var holds = 0
    private var isStopped = false
    private var isWatched = false
    private var watchRests = false
    private let rest = DispatchSemaphore(value: 0)
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
        if holds == 0 { wakeForJobs() }
        gate.unlock()
    }

    /// Runs `body`, which makes many jobs ready, and wakes a thread for them once, behind it.
    func batch(_ body: () -> Void) {
        gate.lock()
        holds += 1
        gate.unlock()
        body()
        gate.lock()
        holds -= 1
        if !jobs.isEmpty { wakeForJobs() }
        gate.unlock()
    }

    /// Under the gate: someone who is not stuck must be awake.
    private func wakeForJobs() {
        if !isWatched { startWatch() }
        if watchRests {
            watchRests = false
            rest.signal()
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
                guard let job = jobs.popFirst() else {
                    if park(worker) { continue } else { break }
                }
                worker.taken.store(worker.taken.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
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
    /// caller's next ``enqueue(_:)``.
    func stop() {
        gate.lock()
        isStopped = true
        watchRests = false
        rest.signal()
        gate.broadcast()
        gate.unlock()
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
                watchRests = quiet > LaneThreads.patience && jobs.isEmpty && !isStopped
                let rests = watchRests
                gate.unlock()
                if !rests {
                    _ = rest.wait(timeout: .now() + LaneThreads.look)
                } else if isOwed {
                    _ = rest.wait(timeout: .now() + LaneThreads.restingLook)
                } else {
                    rest.wait()
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
        if !jobs.isEmpty, holds == 0 {
            // Whoever has been woken or started counts, though on a busy machine it may not have run yet.
            let free = workers.count - parked + waking - stuck
            let wanted = free > 0 ? min(jobs.count, processors - free) : jobs.count
            for _ in 0..<max(wanted, 0) { wakeOne() }
        }
        return running > 0 || !jobs.isEmpty
    }
}
