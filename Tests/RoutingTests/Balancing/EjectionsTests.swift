import Testing

@testable import Routing

@Suite struct EjectionsTests {
    /// Fails `upstream` until it is ejected or has failed `times`.
    private func fail(_ ejections: inout Ejections, _ upstream: Int, times: Int = 5, now: Int = 0) -> Ejections.Change {
        var last = Ejections.Change.none
        for _ in 0..<times { last = ejections.failed(upstream, now: now) }
        return last
    }

    @Test("S20: five failures in a row eject for a second; a success between them starts the count anew")
    func fifth() {
        var ejections = Ejections(count: 2)
        #expect(fail(&ejections, 0, times: 4) == .none)
        #expect(ejections.succeeded(0) == .none)
        #expect(fail(&ejections, 0, times: 4) == .none)
        #expect(ejections.takes(0))
        #expect(ejections.failed(0, now: 100) == .ejected(until: 1100))
        #expect(!ejections.takes(0))
        #expect(ejections.takes(1))
        #expect(ejections.nextEnd == 1100)
    }

    @Test("S20: never more than half are ejected", arguments: [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2)])
    func half(count: Int, most: Int) {
        var ejections = Ejections(count: count)
        for upstream in 0..<count { _ = fail(&ejections, upstream, times: 9) }
        #expect((0..<count).count { ejections.isEjected($0) } == most)
    }

    @Test("S20: after its time, one connection and one call probe it")
    func probe() {
        var ejections = Ejections(count: 2)
        _ = fail(&ejections, 0)
        #expect(ejections.ended(now: 999) == [])
        #expect(ejections.ended(now: 1000) == [0])
        #expect(ejections.ended(now: 1000) == [])
        #expect(!ejections.takes(0), "it is not connected to yet")
        ejections.connected(0)
        #expect(ejections.takes(0))
        ejections.sent(0)
        #expect(!ejections.takes(0), "one call is under way, a second has to wait")
        #expect(ejections.succeeded(0) == .returned)
        #expect(ejections.takes(0))
        ejections.sent(0)
        #expect(ejections.takes(0))
    }

    @Test("S20: each failed probe doubles the time, up to 30 s; a success begins at a second again")
    func doubling() {
        var ejections = Ejections(count: 2)
        _ = fail(&ejections, 0)
        var now = 1000
        for expected in [2000, 4000, 8000, 16000, 30000, 30000] {
            #expect(ejections.ended(now: now) == [0])
            ejections.connected(0)
            ejections.sent(0)
            #expect(ejections.failed(0, now: now) == .ejected(until: now + expected))
            now += expected
        }
        #expect(ejections.ended(now: now) == [0])
        #expect(ejections.failed(0, now: now) == .ejected(until: now + 30000), "the connection of the probe counts too")
        now += 30000
        #expect(ejections.ended(now: now) == [0])
        ejections.connected(0)
        ejections.sent(0)
        #expect(ejections.succeeded(0) == .returned)
        #expect(fail(&ejections, 0, now: now) == .ejected(until: now + 1000))
    }

    @Test("S20: a probe that tells nothing is repeated, and old calls prove nothing")
    func undecided() {
        var ejections = Ejections(count: 2)
        _ = fail(&ejections, 0)
        #expect(ejections.succeeded(0) == .none)
        #expect(!ejections.takes(0))
        _ = ejections.ended(now: 1000)
        ejections.connected(0)
        ejections.sent(0)
        ejections.undecided(0)
        #expect(ejections.takes(0))
    }
}
