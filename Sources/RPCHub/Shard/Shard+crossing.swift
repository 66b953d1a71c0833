import Links
import Membership
import NIOCore
import Synchronization
import Wire

/// Handing frames to other event loops, once a turn.
extension Shard {
    /// Appends an entry; it leaves at the end of the turn.
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
    private func receive(_ entry: Crossing, _ frame: UnsafeRawPointer) {
        switch entry.kind {
        case .request: requestCrossed(entry, frame)
        case .answer: answered(RPCHeader(at: frame), frame + RPCHeader.size, agent: entry.agent)
        case .cancel: if let agent = agent(entry.agent) { agent.append(RPCHeader(at: frame), frame + RPCHeader.size) }
        case .returned: returned(RPCHeader(at: frame), frame, agent: entry.agent)
        case .gone:
            desk.gone(agent: entry.agent)
            // A table may name it still: a call that went to it behind the fence would be called lost, though it was never sent.
            peers.bury(entry.agent)
            say(.fence, of: entry.agent, to: Crossing.sender(at: frame))
        case .fence: say(.ended, of: entry.agent, to: Crossing.sender(at: frame))
        case .ended: endCalls(with: entry.agent)
        }
    }

    @inline(__always)
    private func requestCrossed(_ entry: Crossing, _ frame: UnsafeRawPointer) {
        let header = RPCHeader(at: frame)
        if let slot = peers.slot(of: entry.agent) {
            peers[slot].arrived(entry.count)
            let isTaken = peers[slot].link?._withUnsafeGuaranteedRef { agent in
                guard agent.shell.isUsable else { return false }
                agent.append(header, frame + RPCHeader.size)
                return true
            }
            if isTaken == true { return }
        }
        // It died, or is being closed, while this was on its way: still ours.
        sendBack(header, frame, agent: entry.agent)
    }

    /// A word about an agent that is gone (rule S2): its loop says `gone`; the others send nothing more and say `fence`; when that is back there,
    /// everything of theirs has come back before it, and `ended` says so.
    func say(_ kind: Crossing.Kind, of agent: UInt64, to target: Int) {
        let me = UInt64(index)
        cross(Crossing(kind, agent: agent, count: Crossing.senderSize), to: target) { $0.storeBytes(of: me, as: UInt64.self) }
    }
}
