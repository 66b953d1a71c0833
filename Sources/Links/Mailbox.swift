package import NIOCore
import Synchronization

/// Where other event loops leave what belongs to this one: whole batches, in the order posted, with at most one wake-up however many come.
///
/// A sender fills a batch of its own during a turn and posts it at the end, so the lock is taken once for each batch, never for a
/// packet. Emptied batches go back to senders, so that in steady state none is allocated. A loop that is in a turn looks here at the
/// turn's end by itself and is not woken: a wake-up costs both sides a system call.
package final class Mailbox: Sendable {
    private struct State {
        var batches: [ByteBuffer] = []
        var spare: [ByteBuffer] = []
        /// The receiver will look here by itself: it is in a turn, or it has been woken.
        var isExpected = false
    }

    /// Emptied batches that are kept, and the most bytes that a kept one holds.
    private static let maxSpare = 16
    private static let maxSpareBytes = 1 << 20

    private let state = Mutex(State())
    private let eventLoop: any EventLoop
    private let receive: @Sendable (ByteBuffer) -> Void

    /// - Parameter receive: called on `eventLoop` for each batch.
    package init(eventLoop: any EventLoop, receive: @escaping @Sendable (ByteBuffer) -> Void) {
        self.eventLoop = eventLoop
        self.receive = receive
    }

    /// Leaves `batch` and takes an empty one in its place. From any thread.
    package func post(_ batch: inout ByteBuffer) {
        let filled = batch
        batch = ByteBuffer()
        let (spare, wake) = state.withLock { state in
            state.batches.append(filled)
            let wake = !state.isExpected
            state.isExpected = true
            return (state.spare.popLast(), wake)
        }
        if let spare { batch = spare }
        if wake { eventLoop.execute { self.collect(andExpectMore: false) } }
    }

    // MARK: - The receiving loop

    /// A turn begins: until ``turnEnded()`` no one needs to wake this loop.
    package func turnStarted() { state.withLock { $0.isExpected = true } }

    /// Takes what has come so far; called within a turn.
    package func collect() { collect(andExpectMore: true) }

    /// The turn is over. What came after the last look is taken in a turn of its own.
    package func turnEnded() {
        let late = state.withLock { state in
            state.isExpected = !state.batches.isEmpty
            return state.isExpected
        }
        if late { eventLoop.execute { self.collect(andExpectMore: false) } }
    }

    private func collect(andExpectMore: Bool) {
        let batches = state.withLock { state in
            state.isExpected = andExpectMore
            return exchange(&state.batches, with: [])
        }
        guard !batches.isEmpty else { return }
        for batch in batches { receive(batch) }
        state.withLock { state in
            for var batch in batches where state.spare.count < Mailbox.maxSpare && batch.capacity <= Mailbox.maxSpareBytes {
                batch.clear()
                state.spare.append(batch)
            }
        }
    }
}

private func exchange<T>(_ value: inout T, with new: T) -> T {
    let old = value
    value = new
    return old
}
