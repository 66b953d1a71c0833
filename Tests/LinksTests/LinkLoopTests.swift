import Links
import NIOCore
import NIOEmbedded
import Testing

/// What the links of one event loop share: turns and timers.
@Suite("Link loop")
struct LinkLoopTests {
    private final class Target: TimerTarget {
        var fired: [NIODeadline] = []
        var onFire: (LoopTimer) -> Void = { _ in }
        let eventLoop: EmbeddedEventLoop
        init(_ eventLoop: EmbeddedEventLoop) { self.eventLoop = eventLoop }
        func timerFired(_ timer: LoopTimer) {
            fired.append(eventLoop.now)
            onFire(timer)
        }
    }

    @Test("S17: a timer fires once, up to 10 ms after its deadline and never before", arguments: [0, 1, 9, 10, 11, 2_560, 163_840, 3_600_000])
    func deadlines(milliseconds: Int64) {
        let eventLoop = EmbeddedEventLoop()
        eventLoop.advanceTime(by: .milliseconds(1_234_567))
        let loop = LinkLoop(eventLoop: eventLoop)
        let target = Target(eventLoop)
        let timer = LoopTimer()
        timer.aim(at: target)
        let deadline = eventLoop.now + .milliseconds(milliseconds)
        loop.arm(timer, at: deadline)
        eventLoop.advanceTime(to: deadline - .nanoseconds(1))
        #expect(target.fired.isEmpty)
        eventLoop.advanceTime(by: .seconds(7_200))
        #expect(target.fired.count == 1)
        if let fired = target.fired.first { #expect(fired >= deadline && fired <= deadline + .milliseconds(10)) }
    }

    @Test("S17: a loop that had nothing to wait for does not fire the next timer early")
    func afterIdleness() {
        let eventLoop = EmbeddedEventLoop()
        let loop = LinkLoop(eventLoop: eventLoop)
        let target = Target(eventLoop)
        let timer = LoopTimer()
        timer.aim(at: target)
        for _ in 0..<3 {
            eventLoop.advanceTime(by: .seconds(10_000))
            let deadline = eventLoop.now + .seconds(5)
            loop.arm(timer, at: deadline)
            eventLoop.advanceTime(to: deadline - .milliseconds(1))
            #expect(target.fired.isEmpty)
            eventLoop.advanceTime(by: .seconds(1))
            #expect(target.fired.count == 1)
            target.fired = []
        }
    }

    @Test("S17: cancelling leaves the others alone; moving a deadline later or earlier counts from now on")
    func cancelAndMove() {
        let eventLoop = EmbeddedEventLoop()
        let loop = LinkLoop(eventLoop: eventLoop)
        let target = Target(eventLoop)
        let timers = (0..<3).map { _ in LoopTimer() }
        for timer in timers {
            timer.aim(at: target)
            loop.arm(timer, at: eventLoop.now + .seconds(10))
        }
        loop.cancel(timers[0])
        loop.arm(timers[1], at: eventLoop.now + .seconds(1))
        loop.arm(timers[2], at: eventLoop.now + .seconds(30))
        eventLoop.advanceTime(by: .seconds(2))
        #expect(target.fired.count == 1)
        eventLoop.advanceTime(by: .seconds(20))
        #expect(target.fired.count == 1)
        eventLoop.advanceTime(by: .seconds(20))
        #expect(target.fired.count == 2)
    }

    @Test("S18: a timer that another one cancels, or moves, in the same turn does not fire in it", arguments: [false, true])
    func changedWhileFiring(moves: Bool) {
        let eventLoop = EmbeddedEventLoop()
        let loop = LinkLoop(eventLoop: eventLoop)
        let target = Target(eventLoop)
        let timers = (LoopTimer(), LoopTimer())
        let later = eventLoop.now + .seconds(100)
        target.onFire = { timer in
            let other = timer === timers.0 ? timers.1 : timers.0
            if moves { loop.arm(other, at: later) } else { loop.cancel(other) }
        }
        for timer in [timers.0, timers.1] {
            timer.aim(at: target)
            loop.arm(timer, at: eventLoop.now + .seconds(1))
        }
        eventLoop.advanceTime(by: .seconds(2))
        #expect(target.fired.count == 1)
        target.onFire = { _ in }
        eventLoop.advanceTime(by: .seconds(200))
        #expect(target.fired.count == (moves ? 2 : 1))
    }

    @Test("a turn ends once, however often it was entered; the next one ends again")
    func turns() {
        let eventLoop = EmbeddedEventLoop()
        let loop = LinkLoop(eventLoop: eventLoop)
        var steps: [String] = []
        loop.turnEnding = { steps.append("ending") }
        loop.turnEnded = { steps.append("ended") }
        eventLoop.run()
        #expect(steps.isEmpty)
        for turn in 1...3 {
            for _ in 0..<5 { loop.enterTurn() }
            eventLoop.run()
            #expect(steps.count == 2 * turn && Array(steps.suffix(2)) == ["ending", "ended"])
        }
    }

    @Test("S2: what a flush leads to, such as bytes for another loop, gets an end of turn of its own")
    func causedByFlush() throws {
        let eventLoop = EmbeddedEventLoop()
        let rig = try EmbeddedLink(eventLoop)
        var pending = 0
        var posted = 0
        rig.loop.turnEnding = {
            posted += pending
            pending = 0
        }
        rig.link.resumeMark = 0
        rig.owner.onDrained = { link in
            link.resumeMark = nil
            rig.loop.enterTurn()
            pending += 1
        }
        rig.send([1, 2, 3])
        eventLoop.run()
        #expect(rig.owner.drained == 1)
        #expect(posted == 1)
    }

    @Test("S13: more links than 1,024 in one turn do not hold a block each until it ends")
    func manyLinks() throws {
        let eventLoop = EmbeddedEventLoop()
        let loop = LinkLoop(eventLoop: eventLoop)
        let links = try (0..<1_030).map { _ in try EmbeddedLink(eventLoop, loop: loop) }
        for link in links {
            link.send([7])
            loop.flushIfCrowded()
        }
        #expect(loop.queuedBytes < 1_024)
        eventLoop.run()
        #expect(loop.queuedBytes == 0)
        for link in links { #expect(try link.written() == [[7]]) }
    }
}
