/// One deadline of one owner. An owner re-arms its timer when its real deadline turns out to be later, so that extending a deadline
/// (every burst does) costs a store and no move.
package final class LoopTimer {
    fileprivate var next: LoopTimer?
    /// Guard: cleared by ``TimerRing`` whenever the node before this one leaves the list, so it never dangles.
    fileprivate unowned(unsafe) var previous: LoopTimer?
    fileprivate var slot = -1
    /// Taken out of the ring and not fired yet; whoever cancels or re-arms it before its turn takes that back.
    fileprivate var isDue = false
    /// The tick at which it is due.
    package fileprivate(set) var tick = 0
    /// Guard: a target cancels its timers before it goes, and the ring names none that is not armed. (A `weak` reference here would send
    /// every reference count of every link through a side table.)
    package private(set) unowned(unsafe) var target: (any TimerTarget)?

    package init() {}
    package func aim(at target: any TimerTarget) { self.target = target }
    package var isArmed: Bool { slot >= 0 }

    /// Whether it is still to be fired; asked once, just before.
    package func takeDue() -> Bool {
        defer { isDue = false }
        return isDue
    }
}

/// Who is told when a ``LoopTimer`` is due.
package protocol TimerTarget: AnyObject {
    func timerFired(_ timer: LoopTimer)
}

/// All deadlines of one event loop at a grain of 10 ms: three wheels, the coarser ones emptied into the finer as time comes.
///
/// Pure: ticks come in from outside. Arming and cancelling are O(1); a deadline beyond 2.9 hours is looked at again then.
package struct TimerRing: ~Copyable {
    private static let fine = 256
    private static let coarse = 64
    private static let horizon = 256 * 64 * 64 - 1

    private var slots = [LoopTimer?](repeating: nil, count: 256 + 64 + 64)
    private var now: Int
    package private(set) var count = 0

    package init(now: Int) { self.now = now }

    /// (Re-)arms `timer` for `tick`; one that has passed means the next tick.
    package mutating func arm(_ timer: LoopTimer, at tick: Int) {
        cancel(timer)
        timer.tick = max(tick, now + 1)
        insert(timer)
        count += 1
    }

    /// While nothing is armed, time passes at no cost.
    package mutating func catchUp(_ tick: Int) {
        if count == 0 { now = max(now, tick) }
    }

    package mutating func cancel(_ timer: LoopTimer) {
        timer.isDue = false
        guard timer.slot >= 0 else { return }
        unlink(timer)
        count -= 1
    }

    /// The tick by which ``advance(to:fire:)`` has to be called; nil while nothing is armed.
    package var nextDue: Int? {
        guard count > 0 else { return nil }
        let boundary = (now | (TimerRing.fine - 1)) + 1
        for tick in (now + 1)..<boundary where slots[tick % TimerRing.fine] != nil { return tick }
        return boundary
    }

    /// Takes out everything that is due up to `tick`; each is fired unless ``LoopTimer/takeDue()`` says otherwise by then.
    package mutating func expire(to tick: Int) -> [LoopTimer] {
        var due: [LoopTimer] = []
        while now < tick {
            if count == 0 {
                now = tick
                break
            }
            now += 1
            if now % TimerRing.fine == 0 {
                if now / TimerRing.fine % TimerRing.coarse == 0 { cascade(320 + now / (256 * 64) % TimerRing.coarse) }
                cascade(256 + now / TimerRing.fine % TimerRing.coarse)
            }
            while let timer = slots[now % TimerRing.fine] {
                unlink(timer)
                count -= 1
                timer.isDue = true
                due.append(timer)
            }
        }
        return due
    }

    private mutating func cascade(_ slot: Int) {
        var moved: [LoopTimer] = []
        while let timer = slots[slot] {
            unlink(timer)
            moved.append(timer)
        }
        for timer in moved { insert(timer) }
    }

    private mutating func insert(_ timer: LoopTimer) {
        let due = min(timer.tick, now + TimerRing.horizon)
        // A wheel is used only within its own current turn, so that a slot never mixes two turns.
        if due / 256 == now / 256 {
            link(timer, into: due % 256)
        } else if due / (256 * 64) == now / (256 * 64) {
            link(timer, into: 256 + due / 256 % 64)
        } else {
            link(timer, into: 320 + due / (256 * 64) % 64)
        }
    }

    private mutating func link(_ timer: LoopTimer, into slot: Int) {
        timer.slot = slot
        timer.next = slots[slot]
        timer.next?.previous = timer
        timer.previous = nil
        slots[slot] = timer
    }

    private mutating func unlink(_ timer: LoopTimer) {
        if let previous = timer.previous { previous.next = timer.next } else { slots[timer.slot] = timer.next }
        timer.next?.previous = timer.previous
        timer.next = nil
        timer.previous = nil
        timer.slot = -1
    }
}
