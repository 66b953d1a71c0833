import NIOCore
import Synchronization

/// A box of which an event loop may not know yet that something is in it.
protocol LoopBox: AnyObject, Sendable {
    /// Wakes the loop if something is here that it does not know of.
    func announce()
}

extension LoopBox {
    /// Something has been left here by this thread.
    /// - Parameter isNews: the loop does not know, and did not before.
    @inline(__always)
    func left(isNews: Bool) {
        let isWorker = LaneWorker.withCurrent { worker in
            if isNews { worker.owe(self) }
            worker.replied()
        }
        // Another thread's news may still be unannounced: whoever comes from outside does not wait for it.
        if !isWorker { announce() }
    }
}

/// Where threads leave replies and pushes for one event loop: in order, in one growing block, with one wake-up for a burst.
///
/// A loop that is in a turn looks here at the turn's end by itself. A lane's thread leaves many replies and wakes the loop when it has
/// nothing else to do; should it hang before that, the watch of the lanes wakes the loop. Any other thread wakes it at once.
final class ReturnBox: LoopBox {
    private struct State {
        var filling = ByteBlock()
        /// Empty; nil while the loop reads it.
        var spare: ByteBlock? = ByteBlock()
        /// The loop will look here by itself: it is in a turn, or it has been woken.
        var isExpected = false
        /// Something is here and the loop does not know.
        var isUnannounced = false
        /// The loop takes nothing any more, and may be gone.
        var isClosed = false
    }

    /// The most bytes of a block that is used again.
    private static let kept = 1 << 20

    private let state = Mutex(State())
    private let eventLoop: any EventLoop
    /// Called on the loop with each block. Guard: set once, before anyone else has a reference.
    nonisolated(unsafe) var receive: (@Sendable (UnsafeRawBufferPointer) -> Void)?

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Leaves an entry whose `count` bytes `fill` writes. From any thread. What comes after ``close()`` is dropped.
    func put(_ entry: Return, _ fill: (UnsafeMutableRawPointer) -> Void) {
        let isNews = state.withLock { state in
            guard !state.isClosed else { return false }
            state.filling.append(Return.size + entry.count) { bytes in
                entry.store(to: bytes)
                fill(bytes + Return.size)
            }
            guard !state.isExpected, !state.isUnannounced else { return false }
            state.isUnannounced = true
            return true
        }
        left(isNews: isNews)
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

    /// ``close()`` has been called.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// The last call: a handler that returns later does not wake the loop, which its owner may have shut down.
    ///
    /// Race window: a thread that has found something to announce a moment ago still wakes the loop. Benign: of a loop that is gone it
    /// gets a line in the log.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.isUnannounced = false
            state.filling.clear()
        }
    }

    /// A turn begins: until ``turnEnded()`` no one needs to wake this loop.
    func turnStarted() { state.withLock { $0.isExpected = true } }

    /// Takes what has come so far; called within a turn.
    func collect() { collect(andExpectMore: true) }

    /// The turn is over. What came after the last look is taken in a turn of its own.
    func turnEnded() {
        let late = state.withLock { state in
            state.isExpected = state.filling.count > 0
            return state.isExpected
        }
        if late { eventLoop.execute { self.collect(andExpectMore: false) } }
    }

    private func collect(andExpectMore: Bool) {
        let block: ByteBlock? = state.withLock { state in
            state.isExpected = andExpectMore
            state.isUnannounced = false
            guard state.filling.count > 0 else { return nil }
            let block = state.filling
            state.filling = state.spare.take() ?? ByteBlock()
            return block
        }
        guard let block else { return }
        receive?(block.bytes)
        guard block.capacity <= ReturnBox.kept else { return }
        block.clear()
        state.withLock { $0.spare = block }
    }
}
