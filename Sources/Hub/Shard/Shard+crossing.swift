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
        peers.posted()
        for target in outboxes.indices where outboxes[target].readableBytes > 0 { shards[target].mailbox.post(&outboxes[target]) }
    }

    /// A batch from another loop.
    func receive(_ batch: ByteBuffer) {
        loop.enterTurn()
        batch.unpack { receive($0, $1) }
    }

    @inline(__always)
    private func receive(_ entry: Crossing, _ packet: UnsafeRawPointer) {
        guard entry.kind != .notice else {
            peers.link(of: entry.target)?.say(entry.count) { $0.copyMemory(from: packet, byteCount: entry.count) }
            return
        }
        if let slot = peers.slot(of: entry.target) {
            peers[slot].arrived(entry.count)
            let isTaken = peers[slot].link?._withUnsafeGuaranteedRef { member in
                guard member.isUsable else { return false }
                member.append(packet, count: entry.count, origin: entry.origin)
                return true
            }
            if isTaken == true { return }
        }
        // It died, or is being closed, while this was on its way: still ours, so re-routed once or answered (rules S2, S3).
        lost(
            PacketHeader(at: packet, format: .standard), packet, for: entry.kind == .toService ? .services : .edges, origin: entry.origin,
            wasWritten: false)
    }
}
