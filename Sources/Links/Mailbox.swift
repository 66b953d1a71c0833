package import NIOCore
import Synchronization

/// Where other event loops leave what belongs to this one: whole batches, in the order posted, with one wake-up however many come.
///
/// A sender fills a batch of its own during a turn and posts it at the end, so the lock is taken once for each batch, never for a
/// packet. Emptied batches go back to senders, so that in steady state none is allocated.
package final class Mailbox: Sendable {
    private struct State {
        var batches: [ByteBuffer] = []
        var spare: [ByteBuffer] = []
        var isAwake = false
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
            let wake = !state.isAwake
            state.isAwake = true
            return (state.spare.popLast(), wake)
        }
        if let spare { batch = spare }
        if wake { eventLoop.execute { self.drain() } }
    }

    private func drain() {
        let batches = state.withLock { state in
            state.isAwake = false
            return exchange(&state.batches, with: [])
        }
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
