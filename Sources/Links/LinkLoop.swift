public import NIOCore
import Telemetry

/// What the links of one event loop share: the dirty set, the block pool, the timer ring, the clock of this turn.
///
/// Everything that was queued during a turn is written when the turn ends, once for each link, so that the cost of a system call is
/// shared by every frame of the burst.
///
/// `@unchecked Sendable`: confined to ``eventLoop``; every method but ``init(eventLoop:)`` is called on it.
@usableFromInline
package final class LinkLoop: @unchecked Sendable, NIOScheduledCallbackHandler {
    package let eventLoop: any EventLoop
    /// Bytes that the links of this loop hold together.
    @exclusivity(unchecked) @usableFromInline package var queuedBytes = 0
    /// Bytes that the links of this loop have read and their owners have not taken.
    package var keptBytes = 0
    /// Called when a turn begins: at the first thing that is received or queued in it.
    package var turnStarted: (() -> Void)?
    /// Called once at the end of each such turn, before the flush.
    package var turnEnding: (() -> Void)?
    /// Called once after the flush.
    package var turnEnded: (() -> Void)?
    @exclusivity(unchecked) @usableFromInline package var pool = BlockPool()
    /// The time at the start of this turn's first burst.
    @inlinable package var now: NIODeadline { turnTime }
    @exclusivity(unchecked) @usableFromInline var turnTime: NIODeadline

    /// Someone listens to this loop's links; asked once for each read and each block.
    @exclusivity(unchecked) var isTapped = false
    var taps: [UInt64: any StreamTap] = [:]
    /// Links that stand, in no order.
    var links: [Link] = []
    var closed = ClosedLinks()

    // Guard: a link is held by its channel, and by `ended` from the end of that until what stands here has been flushed. So neither list counts
    // a reference for each link and turn.
    @exclusivity(unchecked) private var dirty: [Unmanaged<Link>] = []
    @exclusivity(unchecked) private var flushing: [Unmanaged<Link>] = []
    private var ended: [(Link, (any LinkOwner)?)] = []
    private var isFlushing = false
    @exclusivity(unchecked) private var inTurn = false
    private var endTurn: (@Sendable () -> Void)!
    /// Itself, while a turn is under way: whoever owned it may go before the turn's end.
    private var pinned: LinkLoop?
    private var ring: TimerRing
    private var wake: NIOScheduledCallback?
    private var wakeTick = Int.max

    private static let crowd = 1024

    package init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        let now = eventLoop.now
        turnTime = now
        ring = TimerRing(now: LinkLoop.tick(of: now))
        // One closure for the life of the loop: scheduling it allocates nothing.
        endTurn = { [unowned self] in finishTurn() }
    }

    /// Starts the turn if it has not started: takes the time, and plans the flush for its end.
    @inline(__always)
    package func enterTurn() {
        if !inTurn { startTurn() }
    }

    private func startTurn() {
        inTurn = true
        pinned = self
        turnTime = eventLoop.now
        eventLoop.execute(endTurn)
        turnStarted?()
    }

    /// Puts a link on the list of those to flush at the end of the turn.
    package func markDirty(_ link: Link) {
        enterTurn()
        dirty.append(.passUnretained(link))
    }

    /// A link ends that may still be on the list. Its owner lives as long: it may be in the midst of something that made the link end, and be
    /// named there without a reference.
    func keepUntilFlushed(_ link: Link, _ owner: (any LinkOwner)?) {
        enterTurn()
        ended.append((link, owner))
    }

    private func finishTurn() {
        turnEnding?()
        // From here on the next turn is planned for: a link that a flush finds dead leaves things for other loops.
        inTurn = false
        flushDirty()
        // What ended stands on no list any more, though a flush may have begun the next turn.
        let gone = ended
        ended = []
        _ = consume gone
        turnEnded?()
        // A flush may have begun the next turn, whose end is still to come.
        if !inTurn { pinned = nil }
    }

    /// For an owner that queues on very many links in one turn, at a point where it can bear that some of them turn out to be dead: flushes
    /// if many wait, so that not each of them holds a block until the turn ends.
    package func flushIfCrowded() {
        if dirty.count >= LinkLoop.crowd { flushDirty() }
    }

    /// A flush may find a link dead, whose owner then queues on other links: those are flushed in a further round.
    private func flushDirty() {
        guard !isFlushing else { return }
        isFlushing = true
        while !dirty.isEmpty {
            swap(&dirty, &flushing)
            for link in flushing { link._withUnsafeGuaranteedRef { $0.flush() } }
            flushing.removeAll(keepingCapacity: true)
        }
        isFlushing = false
    }

    // MARK: - Timers

    package static func tick(of time: NIODeadline) -> Int { Int(time.uptimeNanoseconds / 10_000_000) }

    /// (Re-)arms a timer; it fires up to 10 ms after `deadline`, never before.
    package func arm(_ timer: LoopTimer, at deadline: NIODeadline) {
        ring.catchUp(LinkLoop.tick(of: eventLoop.now))
        ring.arm(timer, at: LinkLoop.tick(of: deadline) + 1)
        planWake()
    }

    package func cancel(_ timer: LoopTimer) { ring.cancel(timer) }

    /// Timers that will fire, unless they are cancelled before: whoever owns one is still there then.
    package var armedTimers: Int { ring.count }

    private func planWake() {
        guard let due = ring.nextDue, due < wakeTick else { return }
        wake?.cancel()
        wakeTick = due
        wake = try? eventLoop.scheduleCallback(at: .uptimeNanoseconds(UInt64(due) * 10_000_000), handler: self)
    }

    @usableFromInline package func handleScheduledCallback(eventLoop: some EventLoop) {
        wakeTick = Int.max
        wake = nil
        enterTurn()
        for timer in ring.expire(to: LinkLoop.tick(of: eventLoop.now)) where timer.takeDue() { timer.target?.timerFired(timer) }
        planWake()
    }
}
