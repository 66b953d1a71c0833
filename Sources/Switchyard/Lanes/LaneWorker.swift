import Synchronization

/// One thread of ``LaneThreads``, and what it owes: event loops to which it has left something without waking them yet.
///
/// `@unchecked Sendable`: confined to its own thread, except the atomics and what ``LaneThreads`` guards with its gate.
final class LaneWorker: @unchecked Sendable {
    private static let slot = ThreadSlot<LaneWorker>()
    /// Replies after which event loops are woken although there is more to do.
    static let burst = 256

    /// Calls `body` with the worker that runs on this thread, without counting a reference; false when the thread is no worker's.
    @inline(__always)
    static func withCurrent(_ body: (LaneWorker) -> Void) -> Bool {
        guard let worker = slot.value else { return false }
        // Guard: a thread holds its worker for as long as that stands in the slot.
        worker._withUnsafeGuaranteedRef(body)
        return true
    }

    /// Jobs taken so far: the same at two looks means that the one between them has lasted.
    let taken = Atomic<UInt64>(0)
    /// Guarded by the gate of the threads: it has kept its thread for longer than a look, so others are not to wait for it.
    var isStuck = false
    /// Guarded by the gate: what ``taken`` was at the watch's last look.
    var takenBefore: UInt64 = 0
    /// Guarded by the gate: it is running a job.
    var isRunning = false
    /// Guarded by the gate: lanes that the runner which it runs may still take in this job although other jobs wait; below 0 when none waited.
    @exclusivity(unchecked) var quota = 0
    /// Guarded by the gate: looks in a row that found it in the same job and runnable.
    private var runnableLooks = 0
    /// Guarded by the gate; set by its thread before that takes a job.
    private var state: ThreadState?
    /// So many make a computation that others do not wait for.
    private static let longest = 5
    @exclusivity(unchecked) private var owed: [any LoopBox] = []
    @exclusivity(unchecked) private var replies = 0

    /// Makes this thread its own, for as long as `body` runs.
    func own(_ body: () -> Void) {
        LaneWorker.slot.value = .passUnretained(self)
        state = ThreadState()
        body()
        LaneWorker.slot.value = nil
    }

    /// Under the gate: whether others are not to wait for it, asked at each look. It is held up when it was in the same job at the last look
    /// already and waits for something there. One that could run waits for a processor, which more threads would only make scarcer; or
    /// it computes, and that is a reason after a while only.
    func isHeldUp() -> Bool {
        let taken = taken.load(ordering: .relaxed)
        defer { takenBefore = taken }
        guard taken == takenBefore else {
            runnableLooks = 0
            return false
        }
        guard state?.isRunnable == true else { return true }
        runnableLooks += 1
        return runnableLooks >= LaneWorker.longest
    }

    /// Something stands in `box` and its event loop does not know. It is told when there is nothing else to do, so that one wake-up
    /// serves a burst; if this thread hangs before that, the watch tells it.
    func owe(_ box: any LoopBox) {
        if !owed.contains(where: { $0 === box }) { owed.append(box) }
    }

    /// A reply has been left somewhere.
    func replied() {
        replies += 1
        if replies >= LaneWorker.burst { settle() }
    }

    var owesNothing: Bool { owed.isEmpty }

    /// Wakes the event loops.
    func settle() {
        replies = 0
        for box in owed { box.announce() }
        owed.removeAll(keepingCapacity: true)
    }
}
