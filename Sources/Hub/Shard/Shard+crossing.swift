import Links
import Membership
import NIOCore
import Synchronization
import Wire

/// Handing packets to other event loops, once a turn.
extension Shard {
    /// Appends an entry for `target`; it leaves at the end of the turn.
    @inline(__always)
    func cross(_ entry: Crossing, to target: Int, _ fill: (UnsafeMutableRawPointer) -> Void) {
        loop.enterTurn()
        outboxes[target].pack(entry, fill)
    }

    func postOutboxes() {
        for peer in stagedPeers {
            peer.gauge.crossing.wrappingAdd(peer.staged, ordering: .relaxed)
            peer.staged = 0
        }
        stagedPeers.removeAll(keepingCapacity: true)
        for target in outboxes.indices where outboxes[target].readableBytes > 0 { shards[target].mailbox.post(&outboxes[target]) }
    }

    /// A batch from another loop.
    func receive(_ batch: ByteBuffer) {
        loop.enterTurn()
        batch.unpack { receive($0, $1) }
    }

    @inline(__always)
    private func receive(_ entry: Crossing, _ packet: UnsafeRawPointer) {
        let slot = MemberID(raw: entry.target).slot
        let peer = slot < peers.count ? peers[slot] : nil
        let isKnown = peer?.id == entry.target
        guard entry.kind != .notice else {
            if isKnown { peer?.member?.say(entry.count) { $0.copyMemory(from: packet, byteCount: entry.count) } }
            return
        }
        if isKnown, let peer {
            peer.gauge.crossing.wrappingSubtract(entry.count, ordering: .relaxed)
            if let member = peer.member, member.isUsable { return member.append(packet, count: entry.count, origin: entry.origin) }
        }
        // It died, or is being closed, while this was on its way: still ours, so re-routed once or answered (rules S2, S3).
        lost(
            PacketHeader(at: packet, format: .standard), packet, for: entry.kind == .toService ? .services : .edges, origin: entry.origin,
            wasWritten: false)
    }
}
