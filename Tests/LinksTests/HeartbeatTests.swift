import NIOCore
import Testing

@testable import Links

/// Is the peer alive?
@Suite("Heartbeat")
struct HeartbeatTests {
    private func at(_ milliseconds: Int) -> NIODeadline { .uptimeNanoseconds(UInt64(milliseconds) * 1_000_000) }

    @Test("S17: silent for one heartbeat it is asked, after three it is given up")
    func silence() {
        var heartbeat = Heartbeat(interval: .seconds(10))
        #expect(heartbeat.check(now: at(9_999), lastHeard: at(0)) == .wait(until: at(10_000)))
        #expect(heartbeat.check(now: at(10_000), lastHeard: at(0)) == .ping(lookAgain: at(20_000)))
        #expect(heartbeat.check(now: at(20_000), lastHeard: at(0)) == .ping(lookAgain: at(30_000)))
        #expect(heartbeat.check(now: at(29_999), lastHeard: at(0)) == .wait(until: at(30_000)))
        #expect(heartbeat.check(now: at(30_000), lastHeard: at(0)) == .giveUp)
    }

    @Test("S17: one PING for each silent heartbeat, however often it is looked at")
    func onePing() {
        var heartbeat = Heartbeat(interval: .seconds(10))
        #expect(heartbeat.check(now: at(10_000), lastHeard: at(0)) == .ping(lookAgain: at(20_000)))
        for now in stride(from: 10_001, to: 20_000, by: 333) {
            #expect(heartbeat.check(now: at(now), lastHeard: at(0)) == .wait(until: at(20_000)))
        }
    }

    @Test("S17: a peer that answers each PING at once is asked again one heartbeat after its answer")
    func answering() {
        var heartbeat = Heartbeat(interval: .seconds(10))
        var heard = 0
        var now = 0
        var asked: [Int] = []
        while now < 200_000 {
            switch heartbeat.check(now: at(now), lastHeard: at(heard)) {
            case .wait(let until): now = milliseconds(until)
            case .ping(let lookAgain):
                asked.append(now)
                // The answer comes a millisecond later; timers are up to 10 ms late.
                heard = now + 1
                now = milliseconds(lookAgain) + 10
            case .giveUp:
                Issue.record("given up at \(now) although it answered at \(heard)")
                return
            }
        }
        #expect(zip(asked, asked.dropFirst()).allSatisfy { $1 - $0 <= 10_050 }, "asked at \(asked)")
        #expect(asked.count >= 19)
    }

    @Test("S17: whoever says anything each heartbeat is never asked", arguments: [1, 4_000, 9_999])
    func talking(every gap: Int) {
        var heartbeat = Heartbeat(interval: .seconds(10))
        var now = 0
        for _ in 0..<1_000 {
            guard case .wait(let until) = heartbeat.check(now: at(now), lastHeard: at(now - now % gap)) else {
                Issue.record("asked at \(now)")
                return
            }
            now = milliseconds(until)
            // What was due is looked at when the peer has been heard again.
            now += 1
        }
    }

    private func milliseconds(_ time: NIODeadline) -> Int { Int(time.uptimeNanoseconds / 1_000_000) }
}
