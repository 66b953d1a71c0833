import Testing

@testable import ThriftLink

@Suite struct WaitingCallsTests {
    private typealias Line = WaitingCalls<String>

    @Test("S22: calls wait in the order in which they came, at most maxWaiting")
    func order() {
        var line = Line(limit: 3)
        for name in ["a", "b", "c"] { #expect(line.append(.init(name, deadline: 10, server: nil)) != nil) }
        #expect(line.append(.init("d", deadline: 10, server: nil)) == nil)
        #expect([line.next(for: 0), line.next(for: 1), line.next(for: 0), line.next(for: 0)].map { $0?.call } == ["a", "b", "c", nil])
        #expect(line.isEmpty)
    }

    @Test("S22: a call that one server alone may take waits for that one, and holds up no other")
    func byServer() {
        var line = Line(limit: 9)
        line.append(.init("only 1", deadline: 10, server: 1))
        line.append(.init("any", deadline: 10, server: nil))
        #expect(line.next(for: 0)?.call == "any")
        #expect(line.next(for: 0) == nil)
        #expect(line.next(for: 1)?.call == "only 1")
        line.append(.init("only 2", deadline: 10, server: 2))
        #expect(line.removeAll(for: 2).map(\.call) == ["only 2"])
        #expect(line.isEmpty)
    }

    @Test("S22: each call is given up at its own deadline, whatever the order")
    func deadlines() {
        var line = Line(limit: 9)
        line.append(.init("late", deadline: 500, server: nil))
        line.append(.init("early", deadline: 20, server: nil))
        line.append(.init("middle", deadline: 30, server: 4))
        #expect(line.nextDue <= 20)
        #expect(line.nextExpired(at: 19) == nil)
        #expect(line.nextExpired(at: 20)?.call == "early")
        #expect(line.nextExpired(at: 100)?.call == "middle")
        #expect(line.nextExpired(at: 100) == nil)
        #expect(line.count == 1)
        #expect(line.next(for: 4)?.call == "late")
    }

    @Test("S13: calls that are given up while nothing moves leave nothing behind")
    func compaction() {
        var line = Line(limit: 10)
        for round in 0..<10_000 {
            #expect(line.append(.init("x", deadline: round, server: nil)) != nil)
            #expect(line.nextExpired(at: round) != nil)
        }
        #expect(line.isEmpty)
        #expect(line.lineLength < 200)
    }

    @Test("A withdrawn call is gone")
    func withdraw() {
        var line = Line(limit: 2)
        let number = line.append(.init("a", deadline: 10, server: nil))
        line.append(.init("b", deadline: 10, server: nil))
        #expect(number.flatMap { line.withdraw($0) }?.call == "a")
        #expect(line.next(for: 0)?.call == "b")
    }
}
