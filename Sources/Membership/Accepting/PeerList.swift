/// The registrations of a hub as one event loop sees them, by slot; the last that was met in each.
public struct PeerList<Member: AnyObject, Gauge: PeerGauge> {
    @usableFromInline var peers: ContiguousArray<Peer<Member, Gauge>> = []
    /// Holds what ``peers`` points to.
    private var gauges: ContiguousArray<Gauge?> = []
    /// Slots for which something is in an outbox.
    @usableFromInline var staged: ContiguousArray<Int> = []

    package init() {}

    /// - Precondition: `slot` is below what ``makeRoom(for:)`` was told.
    @inlinable
    public subscript(slot: Int) -> Peer<Member, Gauge> {
        @inline(__always) get { peers[slot] }
        @inline(__always) _modify { yield &peers[slot] }
    }

    package mutating func makeRoom(for slots: Int) {
        while peers.count < slots {
            peers.append(Peer())
            gauges.append(nil)
        }
    }

    /// The slot of that registration, if it is the last that was met there.
    @inlinable
    @inline(__always)
    public func slot(of id: UInt64) -> Int? {
        let slot = Int(id & 0xFF_FFFF)
        return slot < peers.count && peers[slot].id == id && id != 0 ? slot : nil
    }

    /// The live link of this loop with that registration.
    package func link(of id: UInt64) -> Member? { slot(of: id).flatMap { peers[$0].link?.takeUnretainedValue() } }

    /// From now on the slot is this one's; false, and nothing changes, when a later one has it already: tables come after registrations.
    @discardableResult
    package mutating func seat(_ peer: Peer<Member, Gauge>, _ gauge: Gauge, at slot: Int) -> Bool {
        guard peers[slot].id >> 24 <= peer.id >> 24 else { return false }
        replace(slot, peer, gauge)
        return true
    }

    /// It is over, though a table may name it for a while: it is not met any more.
    package mutating func bury(_ id: UInt64) {
        let slot = Int(id & 0xFF_FFFF)
        makeRoom(for: slot + 1)
        guard peers[slot].id >> 24 < id >> 24 else { return linkIsGone(id) }
        replace(slot, Peer(buried: id), nil)
    }

    private mutating func replace(_ slot: Int, _ peer: Peer<Member, Gauge>, _ gauge: Gauge?) {
        if peers[slot].staged > 0 { peers[slot].posted() }
        peers[slot] = peer
        gauges[slot] = gauge
    }

    package mutating func linkIsGone(_ id: UInt64) {
        if let slot = slot(of: id) { peers[slot].linkIsGone() }
    }

    /// So many bytes are in an outbox for the one in that slot.
    @inlinable
    @inline(__always)
    public mutating func stage(_ count: Int, for slot: Int) {
        if peers[slot].staged == 0 { staged.append(slot) }
        peers[slot].staged += count
    }

    /// The outboxes are posted.
    package mutating func posted() {
        for slot in staged { peers[slot].posted() }
        staged.removeAll(keepingCapacity: true)
    }
}
