import Links
import Membership
import NIOCore

/// The hub's end in order (rule S25).
extension Shard {
    /// When agents are told that the hub leaves, every caller has stopped; whatever one still sends is refused on every loop before the first agent
    /// hears DRAIN, because nothing new may follow that.
    func sayDrain(_ id: MemberID, milliseconds: UInt32) {
        guard let member = member(id) else { return }
        guard member.port == .agents else { return member.shell.sayDrain(milliseconds: milliseconds) }
        let stopped =
            callsStopped
            ?? EventLoopFuture.andAllComplete(shards.map { shard in shard.loop.eventLoop.submit { shard.stopCalls() } }, on: loop.eventLoop)
        callsStopped = stopped
        stopped.whenComplete { _ in
            self.loop.enterTurn()
            // What other loops had sent to agents before they stopped comes first.
            self.mailbox.collect()
            self.member(id)?.shell.sayDrain(milliseconds: milliseconds)
        }
    }

    private func stopCalls() {
        loop.enterTurn()
        takesNoCalls = true
        postOutboxes()
    }
}
