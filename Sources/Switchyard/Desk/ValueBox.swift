import NIOCore
import Synchronization

/// Where threads leave values for one event loop: in order, with one wake-up for a burst. What ``ReturnBox`` is for packets, this is for
/// what no bytes can carry: answers of handlers, and calls whose tasks wait.
final class ValueBox<Value: Sendable>: LoopBox {
    private struct State {
        var values: [Value] = []
        /// Empty; used again.
        var spare: [Value] = []
        /// The loop will look here by itself: it is in a turn, or it has been woken.
        var isExpected = false
        /// Something is here and the loop does not know.
        var isUnannounced = false
        /// The loop takes nothing any more, and may be gone.
        var isClosed = false
    }

    /// The most values whose room is kept.
    private static var kept: Int { 4096 }

    private let state = Mutex(State())
    private let eventLoop: any EventLoop
    /// Called on the loop with what has come.
    private let receive: @Sendable ([Value]) -> Void

    init(eventLoop: any EventLoop, receive: @escaping @Sendable ([Value]) -> Void) {
        self.eventLoop = eventLoop
        self.receive = receive
    }

    /// Leaves a value. From any thread.
    /// - Returns: false after ``close()``, and then the value is dropped.
    @discardableResult
    func put(_ value: Value) -> Bool {
        let news: Bool? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.values.append(value)
            guard !state.isExpected, !state.isUnannounced else { return false }
            state.isUnannounced = true
            return true
        }
        guard let isNews = news else { return false }
        left(isNews: isNews)
        return true
    }

    func announce() {
        let wakes = state.withLock { state in
            guard state.isUnannounced else { return false }
            state.isUnannounced = false
            state.isExpected = true
            return true
        }
        if wakes { eventLoop.execute { self.collect(andExpectMore: false) } }
    }

    // MARK: - The loop

    /// The last call: what comes later does not wake the loop, which its owner may have shut down. Returns what the loop has not taken.
    ///
    /// Race window: as with ``ReturnBox/close()``.
    @discardableResult
    func close() -> [Value] {
        state.withLock { state in
            state.isClosed = true
            state.isUnannounced = false
            defer { state.values = [] }
            return state.values
        }
    }

    /// A turn begins: until ``turnEnded()`` no one needs to wake this loop.
    func turnStarted() { state.withLock { $0.isExpected = true } }

    /// Takes what has come so far; called within a turn.
    func collect() { collect(andExpectMore: true) }

    /// The turn is over. What came after the last look is taken in a turn of its own.
    func turnEnded() {
        let late = state.withLock { state in
            state.isExpected = !state.values.isEmpty
            return state.isExpected
        }
        if late { eventLoop.execute { self.collect(andExpectMore: false) } }
    }

    private func collect(andExpectMore: Bool) {
        var values = state.withLock { state in
            state.isExpected = andExpectMore
            state.isUnannounced = false
            guard !state.values.isEmpty else { return [Value]() }
            let values = state.values
            state.values = state.spare
            state.spare = []
            return values
        }
        guard !values.isEmpty else { return }
        receive(values)
        values.removeAll(keepingCapacity: values.capacity <= ValueBox.kept)
        let empty = values
        state.withLock { $0.spare = empty }
    }
}
