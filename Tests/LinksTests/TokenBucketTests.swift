import NIOCore
import TestSupport
import Testing

@testable import Links

/// Rate limits of a client.
@Suite("Token bucket")
struct TokenBucketTests {
    private func at(_ milliseconds: Int) -> NIODeadline { .uptimeNanoseconds(UInt64(milliseconds) * 1_000_000) }

    @Test("S16: one second's worth goes through at once, then no more")
    func burst() {
        var bucket = TokenBucket(perSecond: 5, now: at(1_000))
        for _ in 0..<5 {
            #expect(bucket.holds(1))
            bucket.take(1)
        }
        #expect(!bucket.holds(1))
    }

    @Test("S16: it fills at its rate, and never beyond one second's worth")
    func filling() {
        var bucket = TokenBucket(perSecond: 1_000, now: at(0))
        bucket.take(1_000)
        bucket.refill(now: at(10))
        #expect(bucket.holds(10) && !bucket.holds(11))
        bucket.refill(now: at(500))
        #expect(bucket.holds(500) && !bucket.holds(501))
        bucket.refill(now: at(3_600_000))
        #expect(bucket.holds(1_000) && !bucket.holds(1_001))
    }

    @Test("S16: asking takes nothing")
    func refused() {
        let bucket = TokenBucket(perSecond: 100, now: at(0))
        for _ in 0..<10 { #expect(!bucket.holds(101)) }
        #expect(bucket.holds(100))
    }

    @Test("S16: over ten seconds no more passes than the rate and one burst", arguments: [1, 7, 1_000])
    func longRun(_ rate: Int) {
        var random = Seeded(16)
        var bucket = TokenBucket(perSecond: rate, now: at(0))
        var passed = 0
        var now = 0
        while now < 10_000 {
            bucket.refill(now: at(now))
            let wanted = Int.random(in: 1...max(1, rate / 3), using: &random)
            if bucket.holds(wanted) {
                bucket.take(wanted)
                passed += wanted
            }
            now += Int.random(in: 0...3, using: &random)
        }
        #expect(passed <= 11 * rate && passed >= 9 * rate)
    }
}
