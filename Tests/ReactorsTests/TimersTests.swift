import NIOCore
import Testing

@testable import Reactors

/// What is due, and in which order.
@Suite("Timers")
struct TimersTests {
    private final class Done { var names: [String] = [] }
    private let done = Done()
    private func at(_ time: UInt64) -> NIODeadline { .uptimeNanoseconds(time) }

    private func work(_ name: String) -> Timers.Work {
        .task(run: { [done] in done.names.append(name) }, cancelled: { [done] in done.names.append("no \(name)") })
    }

    private func run(_ work: Timers.Work?) {
        if case .task(let run, _)? = work { run() }
    }

    private func runDue(_ timers: inout Timers, at time: UInt64) -> [String] {
        done.names = []
        while let due = timers.due(at: at(time)) { run(due) }
        return done.names
    }

    @Test("the earliest comes first, whatever the order of asking; nothing comes before its time, and nothing twice")
    func order() {
        var timers = Timers()
        for (id, time) in [(1, 30), (2, 10), (3, 20)] as [(UInt64, UInt64)] { timers.add(id, at: at(time), work("\(time)")) }
        #expect(timers.next() == 10)
        #expect(runDue(&timers, at: 9).isEmpty)
        #expect(runDue(&timers, at: 20) == ["10", "20"])
        #expect(timers.next() == 30)
        #expect(runDue(&timers, at: 1_000) == ["30"])
        #expect(timers.next() == nil && timers.isEmpty)
        #expect(runDue(&timers, at: 1_000).isEmpty)
    }

    @Test("what is due together comes in the order in which it was asked for")
    func together() {
        var timers = Timers()
        for id in 1...50 as ClosedRange<UInt64> { timers.add(id, at: at(7), work("\(id)")) }
        #expect(runDue(&timers, at: 7) == (1...50).map { "\($0)" })
    }

    @Test("what was cancelled does not come, and nobody waits for it; cancelling twice, or what has been done, finds nothing")
    func cancel() {
        var timers = Timers()
        timers.add(1, at: at(10), work("one"))
        timers.add(2, at: at(20), work("two"))
        timers.add(3, at: at(20), work("three"))
        #expect(timers.remove(1) != nil && timers.remove(1) == nil)
        #expect(timers.next() == 20)
        #expect(timers.remove(2) != nil)
        #expect(runDue(&timers, at: 20) == ["three"])
        #expect(timers.remove(3) == nil)
        #expect(timers.next() == nil)
    }

    @Test("removeAll gives all that is left, once, in the order in which it was asked for")
    func removeAll() {
        var timers = Timers()
        for (id, time) in [(1, 30), (2, 10), (3, 20), (4, 5)] as [(UInt64, UInt64)] { timers.add(id, at: at(time), work("\(time)")) }
        #expect(runDue(&timers, at: 5) == ["5"])
        _ = timers.remove(3)
        done.names = []
        for left in timers.removeAll() { run(left) }
        #expect(done.names == ["30", "10"])
        #expect(timers.removeAll().isEmpty && timers.next() == nil)
        #expect(runDue(&timers, at: 1_000).isEmpty)
    }

    @Test("long timers that are cancelled again and again hold no memory, and those among them that stand still come")
    func pile() {
        var timers = Timers()
        for id in 1...10_000 as ClosedRange<UInt64> {
            timers.add(id, at: at(1_000_000 - id), work("\(id)"))
            if id % 1_000 != 0 { _ = timers.remove(id) }
        }
        #expect(timers.held < 200)
        #expect(runDue(&timers, at: 1_000_000) == (1...10).reversed().map { "\($0 * 1_000)" })
    }
}
