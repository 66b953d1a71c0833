import Membership
import Synchronization

/// How busy one agent is, for all loops that send it calls: its open calls and its queue. Plain atomics; nothing is locked.
final class AgentGauge: PeerGauge {
    /// Its link's queue.
    let bytes = LinkGauge()
    /// Calls that it was given and has not answered, tombstones included (rule S28).
    private let open = Atomic<Int>(0)
    /// The most that it takes at once, as its last HELLO said.
    private let window: Atomic<Int>

    init(window: Int) { self.window = Atomic(window) }

    var load: Int { open.load(ordering: .relaxed) }
    var isFull: Bool { load >= window.load(ordering: .relaxed) }

    func setWindow(_ calls: Int) { window.store(calls, ordering: .relaxed) }

    /// Takes a place in the window, unless all are taken.
    func take() -> Bool {
        if open.wrappingAdd(1, ordering: .relaxed).newValue <= window.load(ordering: .relaxed) { return true }
        release()
        return false
    }

    /// A place is free again.
    func release() { open.wrappingSubtract(1, ordering: .relaxed) }
}
