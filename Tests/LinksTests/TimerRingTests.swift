import TestSupport
import Testing

@testable import Links

/// Three wheels against a plain dictionary.
@Suite("Timer ring")
struct TimerRingTests {
    /// Steps that end within, at the edge of, and beyond each wheel (256, 256 x 64 and 256 x 64 x 64 ticks).
    private static let steps = [1, 2, 17, 255, 256, 257, 5_000, 16_383, 16_384, 16_385, 100_000]
    private static let distances = steps + [0, -5, 200_000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20]

    @Test("S16, S17, S18: no deadline fires early, none is lost, all come in the order of their ticks", arguments: 1...12)
    func model(seed: UInt64) {
        var random = Seeded(seed)
        var now = Int.random(in: 0...3_000_000, using: &random)
        var ring = TimerRing(now: now)
        let timers = (0..<200).map { _ in LoopTimer() }
        var due: [Int: Int] = [:]
        for _ in 0..<60 {
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                let index = Int.random(in: timers.indices, using: &random)
                if Int.random(in: 0..<4, using: &random) == 0 {
                    ring.cancel(timers[index])
                    due[index] = nil
                } else {
                    let distance = TimerRingTests.distances.randomElement(using: &random)! + Int.random(in: -3...3, using: &random)
                    ring.arm(timers[index], at: now + distance)
                    due[index] = max(now + distance, now + 1)
                }
            }
            #expect(ring.count == due.count)
            if let next = ring.nextDue, let first = due.values.min() { #expect(next <= first && next > now) }
            #expect((ring.nextDue == nil) == due.isEmpty)

            now += TimerRingTests.steps.randomElement(using: &random)!
            let expected = due.filter { $0.value <= now }
            due = due.filter { $0.value > now }
            var fired: [Int] = []
            var last = 0
            ring.advance(to: now) { timer in
                #expect(timer.tick >= last)
                #expect(!timer.isArmed)
                last = timer.tick
                fired.append(timers.firstIndex { $0 === timer } ?? -1)
            }
            #expect(fired.sorted() == expected.keys.sorted())
            #expect(fired.map { expected[$0] } == fired.map { timers[$0].tick })
        }
        ring.advance(to: now + (4 << 20)) { timer in due[timers.firstIndex { $0 === timer } ?? -1] = nil }
        #expect(due.isEmpty && ring.count == 0 && ring.nextDue == nil)
    }

    @Test("S17: a deadline beyond every wheel waits for its own time")
    func beyondTheWheels() {
        for start in [0, 1, 255, 16_383, (1 << 20) - 1, 777_777] {
            var ring = TimerRing(now: start)
            let timer = LoopTimer()
            let tick = start + (5 << 20) + 3
            ring.arm(timer, at: tick)
            var fired = 0
            ring.advance(to: tick - 1) { _ in fired += 1 }
            #expect(fired == 0)
            ring.advance(to: tick) { _ in fired += 1 }
            #expect(fired == 1)
        }
    }

    @Test("S17: re-arming moves a deadline, earlier as well as later; cancelling twice is nothing")
    func rearm() {
        var ring = TimerRing(now: 1000)
        let timer = LoopTimer()
        ring.arm(timer, at: 50_000)
        ring.arm(timer, at: 1005)
        #expect(ring.count == 1 && ring.nextDue == 1005)
        ring.arm(timer, at: 1010)
        var fired: [Int] = []
        ring.advance(to: 1009) { fired.append($0.tick) }
        #expect(fired.isEmpty)
        ring.advance(to: 60_000) { fired.append($0.tick) }
        #expect(fired == [1010])
        ring.cancel(timer)
        ring.cancel(timer)
        #expect(ring.count == 0)
    }
}

extension TimerRing {
    /// What a loop does with what is due.
    fileprivate mutating func advance(to tick: Int, fire: (LoopTimer) -> Void) {
        for timer in expire(to: tick) where timer.takeDue() { fire(timer) }
    }
}
