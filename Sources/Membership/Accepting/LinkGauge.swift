public import Synchronization

/// How full one link's queue is, for loops that do not own it. Read and written once a burst.
public final class LinkGauge: PeerGauge {
    /// Bytes in the link's queue, as its loop last told.
    public let queued = Atomic<Int>(0)
    /// Bytes that other loops have handed over and the link's loop has not taken yet.
    public let crossing = Atomic<Int>(0)

    public init() {}

    /// Itself: a link of which nothing more is to be known.
    public var bytes: LinkGauge { self }

    /// Bytes that wait for the link, wherever they are.
    public var pending: Int { queued.load(ordering: .relaxed) + crossing.load(ordering: .relaxed) }
}
