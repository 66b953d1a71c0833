import Synchronization
import Wire

/// One of the 1,024 ordered queues: what is in it is done one after the other, each handler call finished before the next starts.
///
/// A lane that has ever been used has one task, which sleeps while the lane is empty; so a packet costs no task, and waking costs a
/// continuation.
final class Lane: Sendable {
    /// Packets that a lane holds, the one being handled included (rule S8); what is not a packet may use an eighth more.
    static let depth = 1_024

    private struct State {
        var items: [LaneItem] = []
        var sleeper: UnsafeContinuation<Void, Never>?
        var task: Task<Void, Never>?
        var isStopped = false
    }

    private let state = Mutex(State())
    /// What is in the lane, the one being handled included.
    private let held = Atomic<Int>(0)
    /// Odd while a handler is called; grows with each call.
    let progress = Atomic<UInt64>(0)
    private unowned let lanes: Lanes

    init(lanes: Lanes) { self.lanes = lanes }

    /// Appends `item`; false when the lane is full, or stopped.
    func append(_ item: LaneItem) -> Bool {
        let limit: Int
        if case .packet = item.work { limit = Lane.depth } else { limit = Lane.depth + Lane.depth / 8 }
        enum Wake {
            case none, first
            case sleeper(UnsafeContinuation<Void, Never>)
        }
        let wake: Wake? = state.withLock { state in
            guard !state.isStopped, held.load(ordering: .relaxed) < limit else { return nil }
            held.wrappingAdd(1, ordering: .relaxed)
            state.items.append(item)
            if let sleeper = state.sleeper.take() { return .sleeper(sleeper) }
            guard state.task == nil else { return Wake.none }
            state.task = Task(executorPreference: lanes.threads) { await self.run() }
            return .first
        }
        guard let wake else { return false }
        if case .sleeper(let sleeper) = wake { sleeper.resume() }
        return true
    }

    var count: Int { held.load(ordering: .relaxed) }

    /// From here on no handler is called: what waits is answered `draining`, and the call under way is cancelled (rule S25).
    func stop() {
        let (sleeper, task) = state.withLock { state in
            state.isStopped = true
            return (state.sleeper.take(), state.task)
        }
        task?.cancel()
        sleeper?.resume()
    }

    private func run() async {
        // A task does not hold its executor, and a handler may return after everyone else has gone.
        let threads = lanes.threads
        defer { withExtendedLifetime(threads) {} }
        var batch: [LaneItem] = []
        while await take(&batch) {
            for item in batch {
                await perform(item)
                held.wrappingSubtract(1, ordering: .relaxed)
                lanes.depth.wrappingSubtract(1, ordering: .relaxed)
            }
            batch.removeAll(keepingCapacity: batch.count < 64)
        }
    }

    /// Waits for something to do; false when nothing will come any more.
    private func take(_ batch: inout [LaneItem]) async -> Bool {
        while true {
            var taken = batch
            batch = []
            let isStopped = state.withLock { state in
                swap(&state.items, &taken)
                return state.isStopped
            }
            batch = taken
            if !batch.isEmpty { return true }
            if isStopped { return false }
            await withUnsafeContinuation { continuation in
                let isReady = state.withLock { state in
                    guard state.items.isEmpty, !state.isStopped else { return true }
                    state.sleeper = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    private func perform(_ item: LaneItem) async {
        switch item.work {
        case .packet(let handler):
            guard !item.isCancelled else { return item.origin.refuse(.draining, item.header, item.body) }
            let connection = PacketConnection(origin: item.origin, header: item.header)
            progress.wrappingAdd(1, ordering: .relaxed)
            do {
                let reply = try await handler(Packet(header: item.header, body: item.body), connection)
                progress.wrappingAdd(1, ordering: .relaxed)
                item.origin.finish(item.header, reply: reply)
            } catch {
                progress.wrappingAdd(1, ordering: .relaxed)
                item.origin.fail(item.header, item.body, error)
            }
        case .closed(let handler, let code):
            if !item.isCancelled {
                progress.wrappingAdd(1, ordering: .relaxed)
                await handler(PacketConnection(origin: item.origin, header: item.header), code)
                progress.wrappingAdd(1, ordering: .relaxed)
            }
            item.origin.finish(item.header, reply: nil)
        case .marker(let done):
            done()
        }
    }
}
