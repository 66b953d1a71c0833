import Synchronization

/// The bound on all queues of the process together, whichever role they belong to (rule S13).
///
/// Each event loop of each role has a share and tells its own sum once a turn; asking whether the bound is exceeded is one load.
public final class MemoryBudget: Sendable {
    /// Bytes that all queues of the process may hold; may change while the process runs (rule S26).
    public var limit: Int {
        get { bound.load(ordering: .relaxed) }
        set { bound.store(newValue, ordering: .relaxed) }
    }
    private let bound: Atomic<Int>
    private let bytes = Atomic<Int>(0)

    /// - Parameter limit: bytes; configuration's default is half of the machine or cgroup.
    public init(limit: Int) { bound = Atomic(limit) }

    /// What one event loop of one role holds. Told by that loop alone, read by any.
    package final class Share: Sendable {
        package let budget: MemoryBudget
        private let published = Atomic<Int>(0)

        fileprivate init(of budget: MemoryBudget) { self.budget = budget }

        /// What was told last.
        package var bytes: Int { published.load(ordering: .relaxed) }

        /// Called once a turn by the loop that it belongs to.
        package func publish(_ bytes: Int) {
            let before = published.load(ordering: .relaxed)
            guard bytes != before else { return }
            published.store(bytes, ordering: .relaxed)
            budget.bytes.wrappingAdd(bytes - before, ordering: .relaxed)
        }
    }

    /// A share for one more event loop.
    package func share() -> Share { Share(of: self) }

    package var total: Int { bytes.load(ordering: .relaxed) }
    package var isExceeded: Bool { total > limit }
}
