import DequeModule
import Synchronization
import Wire

/// One of the 1,024 ordered queues: what is in it is done one after the other, each handler call finished before the next starts.
///
/// A lane that has something to do waits for a runner of ``LaneThreads``, which handles what is there and lets the next lane have its turn.
/// Handlers run where the runner does (`nonisolated(nonsending)`): to look whether that is the right executor would cost a lock of the
/// runtime's at each call and at each return.
final class Lane: Sendable {
    /// Packets that a lane holds, the one being handled included (rule S8); what is not a packet may use an eighth more.
    static let depth = 1_024
    /// A batch of more gives its memory back.
    static let usual = 32

    private struct State: ~Copyable {
        var items = UniqueDeque<LaneItem>()
        /// It waits for a runner, or has one.
        var isReady = false
    }

    private let state = Mutex(State())
    /// What has ever been appended: written under the lock.
    private let appended = Atomic<Int>(0)
    /// What has ever been done: written by the lane's runner alone.
    private let done = Atomic<Int>(0)
    /// Odd while a handler is called; grows with each call. Written by the lane's runner alone.
    let progress = Atomic<UInt64>(0)
    /// No handler is called any more. Written under the lock.
    private let stopped = Atomic<Bool>(false)
    // The threads and not the lanes that it is one of: a handler may return after those have gone.
    private let threads: LaneThreads

    init(threads: LaneThreads) { self.threads = threads }

    private var isStopped: Bool { stopped.load(ordering: .relaxed) }

    /// Appends `item`; false when the lane is full, or stopped.
    func append(_ item: consuming LaneItem) -> Bool {
        let isWork = item.isWork
        // What is refused ends behind the lock: its captures may be anybody's.
        var item = Optional(item)
        let (isTaken, isNews) = state.withLock { state in
            guard hasRoom(forWork: isWork), let item = item.take() else { return (false, false) }
            store(item, &state)
            return (true, becomeReady(&state))
        }
        if isNews { threads.schedule(self) }
        return isTaken
    }

    /// Takes `items`, oldest first, and leaves those that find no room.
    /// - Returns: whether the lane is to be scheduled.
    func append(contentsOf items: inout UniqueDeque<LaneItem>) -> Bool {
        state.withLock { state in
            let before = appended.load(ordering: .relaxed)
            if !isStopped, state.items.isEmpty, count + items.count <= Lane.depth {
                // The usual case moves them all at once, and gives an empty deque with room for as many back.
                appended.store(before &+ items.count, ordering: .relaxed)
                swap(&state.items, &items)
            } else {
                var left = UniqueDeque<LaneItem>()
                while let item = items.popFirst() {
                    if hasRoom(forWork: item.isWork) { store(item, &state) } else { left.append(item) }
                }
                items = left
            }
            return appended.load(ordering: .relaxed) == before ? false : becomeReady(&state)
        }
    }

    /// Under the lock.
    private func hasRoom(forWork isWork: Bool) -> Bool {
        !isStopped && count < (isWork ? Lane.depth : Lane.depth + Lane.depth / 8)
    }

    /// Under the lock.
    private func store(_ item: consuming LaneItem, _ state: inout State) {
        appended.store(appended.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        state.items.append(item)
    }

    /// Under the lock: something was appended. Returns whether that is news.
    private func becomeReady(_ state: inout State) -> Bool {
        defer { state.isReady = true }
        return !state.isReady
    }

    /// What is in the lane, the one being handled included.
    var count: Int { appended.load(ordering: .relaxed) &- done.load(ordering: .relaxed) }

    /// From here on no handler is called: what waits is answered `draining` (rule S25). The call under way is cancelled by its threads.
    func stop() { state.withLock { _ in stopped.store(true, ordering: .relaxed) } }

    /// Handles what is in the lane now. Called by a runner, to whom the lane belongs from when it was scheduled until this returns false.
    /// - Parameter batch: room, empty before and after.
    /// - Returns: whether more has come meanwhile.
    nonisolated(nonsending) func handle(_ batch: inout UniqueDeque<LaneItem>) async -> Bool {
        state.withLock { swap(&$0.items, &batch) }
        let count = batch.count
        while true {
            await handlePackets(&batch)
            guard let item = batch.popFirst() else { break }
            switch consume item {
            case .packet: break  // Those have been handled.
            case .closed(let notice): await tell(notice)
            case .call(let work):
                advance()
                await work(isStopped)
                advance()
            case .marker(let done): done()
            }
            done.store(done.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        }
        if count > Lane.usual { batch = UniqueDeque() }
        return state.withLock { state in
            state.isReady = !state.items.isEmpty
            return state.isReady
        }
    }

    private func advance() { progress.store(progress.load(ordering: .relaxed) &+ 1, ordering: .relaxed) }

    /// Handles the packets at the front of `batch`.
    @inline(__always)
    private nonisolated(nonsending) func handlePackets(_ batch: inout UniqueDeque<LaneItem>) async {
        while let route = Lane.nextRoute(batch) {
            // Taken once for all packets in a row that have it: to call it from where it stands would count a reference for each.
            let handler = route._withUnsafeGuaranteedRef { $0.handler }
            repeat {
                guard let item = batch.popFirst() else { return }
                switch consume item {
                case .packet(let packet): await handle(packet, handler)
                default: return  // None stands in front, as has been looked at.
                }
                done.store(done.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
            } while Lane.nextRoute(batch)?.toOpaque() == route.toOpaque()
        }
    }

    /// The handler of the packet at the front; nil when there is none there.
    @inline(__always)
    private static func nextRoute(_ batch: borrowing UniqueDeque<LaneItem>) -> Unmanaged<PacketRouter.LaneRoute>? {
        guard !batch.isEmpty else { return nil }
        switch batch[0] {
        case .packet(let packet): return packet.route
        default: return nil
        }
    }

    @inline(__always)
    private nonisolated(nonsending) func handle(_ item: borrowing LanePacket, _ handler: PacketRouter.Handler) async {
        let header = item.packet.header
        guard !item.connection.origin.isStopped else { return item.connection.origin.refuse(.draining, header, item.packet.body) }
        advance()
        do {
            guard let reply = try await handler(item.packet, item.connection) else {
                advance()
                return item.connection.origin.finish(header)
            }
            advance()
            // In parts: as a whole it would be copied, and each of its references counted once more.
            let (head, body) = (reply.header, reply.body)
            item.connection.origin.finish(header, head, body)
        } catch {
            advance()
            item.connection.origin.fail(header, item.packet.body, error)
            await LaneThreads.goHome()
        }
    }

    private nonisolated(nonsending) func tell(_ notice: LaneNotice) async {
        if !notice.origin.isStopped {
            advance()
            await notice.handler(PacketConnection(origin: notice.origin, header: notice.header), notice.code)
            advance()
        }
        notice.origin.finish(notice.header)
    }
}
