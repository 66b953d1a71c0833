import Links
import NIOCore
import TestSupport
import Testing

/// How long a dialer waits.
@Suite("Back-off")
struct BackoffTests {
    @Test("S18: ceilings double from 100 ms to 30 s and stay there")
    func ceilings() {
        var backoff = Backoff()
        var ceilings: [Int64] = []
        for _ in 0..<40 {
            ceilings.append(backoff.ceiling.nanoseconds / 1_000_000)
            _ = backoff.next { $0.upperBound }
        }
        #expect(ceilings.prefix(9) == [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600])
        #expect(ceilings.dropFirst(9).allSatisfy { $0 == 30_000 })
    }

    @Test("S18: full jitter: a wait is drawn from zero up to the ceiling, and what is drawn is what is waited")
    func jitter() {
        var backoff = Backoff()
        var random = Seeded(18)
        for _ in 0..<1_000 {
            let ceiling = backoff.ceiling
            var drawn: Int64 = -1
            let wait = backoff.next { range in
                #expect(range == 0...ceiling.nanoseconds)
                drawn = Int64.random(in: range, using: &random)
                return drawn
            }
            #expect(wait.nanoseconds == drawn)
        }
    }

    @Test("S18: health starts over")
    func reset() {
        var backoff = Backoff()
        for _ in 0..<20 { _ = backoff.next { $0.lowerBound } }
        #expect(backoff.ceiling == Backoff.most)
        backoff.reset()
        #expect(backoff.ceiling == .milliseconds(100))
        #expect(backoff == Backoff())
    }
}
