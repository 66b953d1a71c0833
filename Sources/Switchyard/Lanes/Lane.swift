import DequeModule
import Synchronization
import Wire

/// One of the 1,024 ordered queues: what is in it is done one after the other, each handler call finished before the next starts.
///
/// A lane that has ever been used has one task, which sleeps while the lane is empty; so a packet costs no task, and waking costs a
/// continuation. Handlers run where the task runs (`nonisolated(nonsending)`): to look whether that is the right executor would cost a
/// lock of the runtime's at each call and at each return.
final class Lane: Sendable {
    /// Packets that a lane holds, the one being handled included (rule S8); what is not a packet may use an eighth more.
    static let depth = 1_024
    /// A batch of more gives its memory back.
    private static let usual = 64

    private struct State {
        var items = Deque<LaneItem>()
        var sleeper: UnsafeContinuation<Void, Never>?
        var task: Task<Void, Never>?
    }

    private let state = Mutex(State())
    /// What has ever been appended: written under the lock.
    private let appended = Atomic<Int>(0)
    /// What has ever been done: written by the lane's task alone.
    private let done = Atomic<Int>(0)
    /// Odd while a handler is called; grows with each call. Written by the lane's task alone.
    let progress = Atomic<UInt64>(0)
    /// No handler is called any more. Written under the lock.
    private let stopped = Atomic<Bool>(false)
    // The threads and not the lanes that it is one of: a handler may return after those have gone.
    private let threads: LaneThreads

    init(threads: LaneThreads) { self.threads = threads }

    private var isStopped: Bool { stopped.load(ordering: .relaxed) }

    /// Appends `item`; false when the lane is full, or stopped.
    func append(_ item: borrowing LaneItem) -> Bool {
        let limit = item.isWork ? Lane.depth : Lane.depth + Lane.depth / 8
        enum Wake {
            case none, first
            case sleeper(UnsafeContinuation<Void, Never>)
        }
        let wake: Wake? = state.withLock { state in
            guard !isStopped, count < limit else { return nil }
            appended.store(appended.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
            state.items.append(copy item)
            if let sleeper = state.sleeper.take() { return .sleeper(sleeper) }
            guard state.task == nil else { return Wake.none }
            state.task = Task(executorPreference: threads) { await self.run() }
            return .first
        }
        guard let wake else { return false }
        if case .sleeper(let sleeper) = wake { sleeper.resume() }
        return true
    }

    /// What is in the lane, the one being handled included.
    var count: Int { appended.load(ordering: .relaxed) &- done.load(ordering: .relaxed) }

    /// From here on no handler is called: what waits is answered `draining`, and the call under way is cancelled (rule S25).
    func stop() {
        let (sleeper, task) = state.withLock { state in
            stopped.store(true, ordering: .relaxed)
            return (state.sleeper.take(), state.task)
        }
        task?.cancel()
        sleeper?.resume()
    }

    private nonisolated(nonsending) func run() async {
        // A task does not hold its executor, and a handler may return after everyone else has gone.
        let threads = threads
        defer { withExtendedLifetime(threads) {} }
        var batch = Deque<LaneItem>()
        while await take(&batch) {
            let count = batch.count
            while let item = batch.popFirst() {
                await perform(item)
                done.store(done.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
            }
            if count > Lane.usual { batch = Deque() }
        }
    }

    /// Waits for something to do; false when nothing will come any more.
    private nonisolated(nonsending) func take(_ batch: inout Deque<LaneItem>) async -> Bool {
        while true {
            var taken = batch
            batch = Deque()
            let isStopped = state.withLock { state in
                swap(&state.items, &taken)
                return self.isStopped
            }
            batch = taken
            if !batch.isEmpty { return true }
            if isStopped { return false }
            await withUnsafeContinuation { continuation in
                let isReady = state.withLock { state in
                    guard state.items.isEmpty, !isStopped else { return true }
                    state.sleeper = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    private func advance() { progress.store(progress.load(ordering: .relaxed) &+ 1, ordering: .relaxed) }

    private nonisolated(nonsending) func perform(_ item: LaneItem) async {
        switch item.work {
        case .packet(let handler, let origin):
            guard !origin.isStopped else { return origin.refuse(.draining, item.header, item.body) }
            let connection = PacketConnection(origin: origin, header: item.header)
            advance()
            do {
                let reply = try await handler(Packet(header: item.header, body: item.body), connection)
                advance()
                origin.finish(item.header, reply: reply)
            } catch {
                advance()
                origin.fail(item.header, item.body, error)
            }
        case .closed(let handler, let code, let origin):
            if !origin.isStopped {
                advance()
                await handler(PacketConnection(origin: origin, header: item.header), code)
                advance()
            }
            origin.finish(item.header, reply: nil)
        case .call(let work):
            advance()
            await work(isStopped)
            advance()
        case .marker(let done):
            done()
        }
    }
}
