package import Synchronization

/// How full one link's queue is, for loops that do not own it. Read and written once a burst.
package final class LinkGauge: Sendable {
    /// Bytes in the link's queue, as its loop last told.
    package let queued = Atomic<Int>(0)
    /// Bytes that other loops have handed over and the link's loop has not taken yet.
    package let crossing = Atomic<Int>(0)

    package init() {}

    package var pending: Int { queued.load(ordering: .relaxed) + crossing.load(ordering: .relaxed) }
}
