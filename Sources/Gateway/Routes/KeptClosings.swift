import DequeModule
import Synchronization

/// SESSION_CLOSED that no hub could be told yet, over all loops (rule S12): at most 65,536, the oldest dropped.
final class KeptClosings: Sendable {
    struct Closing: Sendable, Equatable {
        let session: UInt64
        let user: UInt64
        let code: UInt16
    }

    static let limit = 65_536

    private let closings = Mutex<Deque<Closing>>([])

    /// Keeps one more; true when the oldest had to go.
    func keep(_ closing: Closing) -> Bool {
        closings.withLock { closings in
            closings.append(closing)
            guard closings.count > KeptClosings.limit else { return false }
            closings.removeFirst()
            return true
        }
    }

    /// Takes all, oldest first.
    func takeAll() -> Deque<Closing> {
        closings.withLock { closings in
            let all = closings
            closings = []
            return all
        }
    }
}
