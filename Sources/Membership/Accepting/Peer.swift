import Synchronization

/// One registration as one event loop sees it.
///
/// Plain memory, because every candidate of every packet and call is looked at, and each reference that is counted for it would cost a locked
/// instruction. `public`, because what is `package` is not specialised in another target.
public struct Peer<Member: AnyObject, Gauge: PeerGauge> {
    /// ``MemberID/raw``; 0 before there was one in this slot.
    public private(set) var id: UInt64 = 0
    public private(set) var loop = 0
    /// Its link, on the loop that owns it. Guard: whoever ends a link takes it out here while the link is still held.
    public private(set) var link: Unmanaged<Member>?
    /// Guard: ``PeerList`` holds it for as long as this is in its list.
    public private(set) var gauge: Unmanaged<Gauge>?
    /// Bytes that this loop has put into its outbox for it in this turn.
    @usableFromInline var staged = 0
    /// What waited for it when the first of them was put there.
    @usableFromInline var seen = 0

    init() {}

    init(buried id: UInt64) { self.id = id }

    package init(id: UInt64, loop: Int, gauge: Gauge, link: Member? = nil) {
        self.id = id
        self.loop = loop
        self.gauge = Unmanaged.passUnretained(gauge)
        self.link = link.map(Unmanaged.passUnretained)
    }

    mutating func linkIsGone() { link = nil }

    /// Bytes that wait for a link of another loop, looked up once a turn.
    @inlinable
    @inline(__always)
    public mutating func pendingRemotely() -> Int {
        if staged == 0 { seen = gauge?._withUnsafeGuaranteedRef { $0.bytes.pending } ?? 0 }
        return seen + staged
    }

    /// What was staged is on its way to the loop of the link.
    mutating func posted() {
        gauge?._withUnsafeGuaranteedRef { gauge in _ = gauge.bytes.crossing.wrappingAdd(staged, ordering: .relaxed) }
        staged = 0
    }

    /// That much has come here, where the link is.
    package func arrived(_ count: Int) {
        gauge?._withUnsafeGuaranteedRef { gauge in _ = gauge.bytes.crossing.wrappingSubtract(count, ordering: .relaxed) }
    }
}

/// What loops that do not own a link know of how full it is.
public protocol PeerGauge: AnyObject, Sendable {
    /// Of its link.
    var bytes: LinkGauge { get }
}
