import Histogram
import NIOCore
import Testing
import Wire

@testable import Bench

/// A run against a peer that stops for one second, in a world whose clock is a number.
private struct FakeRun {
    static let millisecond: UInt64 = 1_000_000
    static let second: UInt64 = 1_000_000_000

    var connection = LoadConnection(codec: PacketBenchCodec(type: 7, size: 16, connection: 0), index: 0)
    var ledger = Ledger(countFrom: second, countTo: 11 * second)
    /// Requests that the peer has not answered.
    var wire = ByteBuffer()

    /// The peer answers everything 1 ms later, but not between 5 s and 6 s.
    mutating func run(send: (inout FakeRun, UInt64) -> Void) -> Ledger {
        var now = FakeRun.second
        while now < 12 * FakeRun.second {
            now += FakeRun.millisecond
            let isStalled = now >= 5 * FakeRun.second && now < 6 * FakeRun.second
            if !isStalled {
                var output = ByteBuffer()
                let bytes = wire
                wire.clear()
                _ = bytes.withUnsafeReadableBytes { connection.receive($0, at: now, start: 0, ledger: &ledger, output: &output) }
            }
            if now < 11 * FakeRun.second { send(&self, now) }
        }
        return ledger
    }
}

@Suite struct CoordinatedOmissionTests {
    @Test("A stall of 1 s shows in every request of an open loop that fell due in it")
    func openLoop() {
        let pace = Pace(start: FakeRun.second, rate: 1000)
        var run = FakeRun()
        let ledger = run.run { run, now in
            run.connection.sendDue(
                pace.due(at: now), of: pace, stride: 1, limit: .max, at: now, ledger: &run.ledger, output: &run.wire)
        }
        #expect(ledger.sent == ledger.received)
        #expect(ledger.unanswered == 0)
        // 1000 of 10000 requests fell into the stall; half of them waited longer than half of it.
        #expect(ledger.latency.valueAtPercentile(89) < 3 * FakeRun.millisecond)
        #expect(ledger.latency.count(within: 500 * FakeRun.millisecond...2 * FakeRun.second) >= 490)
        #expect(ledger.latency.valueAtPercentile(99) > 850 * FakeRun.millisecond)
    }

    @Test("A closed loop sees the same stall only in the requests that were in flight")
    func closedLoop() {
        var run = FakeRun()
        let ledger = run.run { run, now in run.connection.fill(window: 1, at: now, ledger: &run.ledger, output: &run.wire) }
        #expect(ledger.sent == ledger.received)
        #expect(ledger.latency.count(within: 500 * FakeRun.millisecond...2 * FakeRun.second) == 1)
        #expect(ledger.latency.valueAtPercentile(99) < 3 * FakeRun.millisecond)
    }

    @Test("A request that leaves late keeps its time, and the delay is told")
    func lateGenerator() {
        let pace = Pace(start: 0, rate: 1000)
        var connection = LoadConnection(codec: PacketBenchCodec(type: 7, size: 16, connection: 0), index: 0)
        var ledger = Ledger(countFrom: 0, countTo: .max)
        var wire = ByteBuffer()
        let now = 100 * FakeRun.millisecond
        connection.sendDue(pace.due(at: now), of: pace, stride: 1, limit: .max, at: now, ledger: &ledger, output: &wire)
        #expect(ledger.sent == 101)
        #expect(ledger.longestDelay == now)
        var output = ByteBuffer()
        _ = wire.withUnsafeReadableBytes { connection.receive($0, at: now, start: 0, ledger: &ledger, output: &output) }
        #expect(ledger.received == 101)
        #expect(ledger.latency.valuesAreEquivalent(ledger.latency.max, now))
    }
}
