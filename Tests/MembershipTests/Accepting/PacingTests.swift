import NIOCore
import Testing

@testable import Membership

@Suite struct PacingTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    @Test("PEERS follows a change at once, and the next one 50 ms later at the earliest")
    func peers() {
        var pacing = PeersPacing()
        pacing.welcomed(version: 1, now: start)
        #expect(pacing.check(version: 1, now: start) == .none)
        #expect(pacing.check(version: 2, now: start + .milliseconds(20)) == .wait(until: start + .milliseconds(50)))
        #expect(pacing.check(version: 3, now: start + .milliseconds(50)) == .send)
        #expect(pacing.check(version: 3, now: start + .milliseconds(200)) == .none)
        #expect(pacing.check(version: 4, now: start + .milliseconds(200)) == .send)
    }

    @Test("A lone change is built at once, and a storm once in 10 ms")
    func storm() {
        var coalescer = Coalescer(interval: .milliseconds(10))
        #expect(coalescer.changed(now: start) == .build(at: start))
        coalescer.building(now: start)
        var builds = 0
        var due: NIODeadline?
        // 10,000 changes in 100 ms.
        for step in 1...10_000 {
            let now = start + .microseconds(Int64(step) * 10)
            if let at = due, now >= at {
                coalescer.building(now: now)
                builds += 1
                due = nil
            }
            if case .build(let at) = coalescer.changed(now: now) {
                #expect(due == nil)
                due = at
            }
        }
        #expect(builds == 10)
        #expect(due != nil)
    }
}
