import DequeModule
import Dispatch

/// The thread that looks whether the others get on.
extension LaneThreads {
    /// Between two looks of the watch while something runs.
    static let look = 0.002
    /// Between two looks while handlers are merely suspended.
    static let restingLook = 0.05
    /// Looks without anything to see before the watch rests.
    private static let patience = 50

    func startWatch() {
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
