import Routing
import Testing
import Wire

@testable import RPCHub

@Suite("Open calls of a loop")
struct CallDeskTests {
    private let caller: UInt64 = 1 << 24 | 1
    private let agent: UInt64 = 2 << 24 | 2
    private var desk = CallDesk(window: 3)
    private let gauge = AgentGauge(window: 2)

    init() {
        desk.joined(caller: caller, node: 77)
        desk.meet(agent: agent, gauge: gauge)
    }

    private func call(_ number: UInt64, deadline: Int = 100) -> Call { Call(asker: caller, number: number, rpc: 9, deadline: deadline) }

    private func request(_ number: UInt64, identify: UInt64 = 77, payload: Int = 12, oneway: Bool = false) -> RPCHeader {
        RPCHeader(.request, payloadCount: payload, oneway: oneway, rpc: 9, identify: identify, call: number)
    }

    private func refusal(_ desk: CallDesk, of header: RPCHeader, from caller: UInt64) -> CallDesk.Refusal? {
        var desk = desk
        return desk.refusal(of: header, from: caller)
    }

    @Test("S10: only the caller may use its identify id, and a REQUEST must have its fields")
    func refusals() {
        #expect(refusal(desk, of: request(1), from: caller) == nil)
        #expect(refusal(desk, of: request(1, identify: 78), from: caller) == .foreignIdentity)
        #expect(refusal(desk, of: request(1), from: caller + 1 << 24) == .foreignIdentity)
        #expect(refusal(desk, of: request(1, payload: 11), from: caller) == .short)
    }

    @Test("A number that is open is refused and the first stays; a closed one may come again")
    func duplicates() throws {
        var desk = desk
        let number = try opened(&desk, 1)
        #expect(refusal(desk, of: request(1), from: caller) == .duplicate)
        #expect(refusal(desk, of: request(1, oneway: true), from: caller) == nil)
        let answer = desk.answered(agent: agent, number: number)
        #expect(answer == .call(call(1)))
        #expect(refusal(desk, of: request(1), from: caller) == nil)
    }

    private func opened(_ desk: inout CallDesk, _ number: UInt64, deadline: Int = 100) throws -> UInt64 {
        let opened = desk.open(call(number, deadline: deadline), with: agent)
        return try #require(opened)
    }

    @Test("S16: a caller's window, and S28: an agent's, in which a call that was given up keeps its place until it is answered")
    func windows() throws {
        var desk = desk
        let first = try opened(&desk, 1)
        _ = try opened(&desk, 2)
        let third = desk.open(call(3), with: agent)
        #expect(third == nil && gauge.isFull)
        let place = desk.cancelled(1, by: caller)
        #expect(place == CallPlace(agent: agent, number: first))
        #expect(gauge.isFull && desk.tombstones == 1)
        let late = desk.answered(agent: agent, number: first)
        #expect(late == .late && !gauge.isFull)
        let again = desk.answered(agent: agent, number: first)
        #expect(again == .stranger)
        let other = AgentGauge(window: 10)
        desk.meet(agent: 5 << 24 | 3, gauge: other)
        _ = desk.open(call(4), with: 5 << 24 | 3)
        _ = desk.open(call(5), with: 5 << 24 | 3)
        #expect(refusal(desk, of: request(6), from: caller) == .window)
    }

    @Test("S10: an answer of another agent finds nothing, and the call stays open")
    func otherAgent() throws {
        var desk = desk
        let number = try opened(&desk, 1)
        desk.meet(agent: 5 << 24 | 3, gauge: AgentGauge(window: 10))
        let strange = desk.answered(agent: 5 << 24 | 3, number: number)
        let stranger = desk.answered(agent: 9 << 24 | 2, number: number)
        #expect(strange == .stranger && stranger == .stranger)
        let right = desk.answered(agent: agent, number: number)
        #expect(right == .call(call(1)))
    }

    @Test("S28: at the deadline a call is given up, with a tombstone")
    func deadlines() throws {
        var desk = desk
        let first = try opened(&desk, 1, deadline: 50)
        _ = try opened(&desk, 2, deadline: 500)
        #expect(desk.nextDue == 50)
        let early = desk.nextExpired(at: 49)
        #expect(early == nil)
        let due = desk.nextExpired(at: 50)
        #expect(due?.call == call(1, deadline: 50) && due?.place.number == first)
        let more = desk.nextExpired(at: 50)
        #expect(more == nil && desk.open == 1 && desk.tombstones == 1)
        let late = desk.answered(agent: agent, number: first)
        #expect(late == .late)
    }

    @Test("S2: when an agent dies, what comes back unwritten may go on, and everything else is lost; its place may be another's meanwhile")
    func death() throws {
        var desk = desk
        let first = try opened(&desk, 1)
        let second = try opened(&desk, 2)
        desk.gone(agent: agent)
        #expect(!desk.knows(agent: agent))
        let heir: UInt64 = 8 << 24 | 2
        desk.meet(agent: heir, gauge: AgentGauge(window: 2))
        let back = desk.returned(agent: agent, number: first)
        #expect(back == call(1))
        let number = desk.open(call(1), with: heir)
        #expect(number != nil)
        let lost = desk.ended(agent: agent)
        #expect(lost == [call(2)])
        let late = desk.answered(agent: agent, number: second)
        #expect(late == .stranger)
        #expect(desk.open == 1)
    }

    @Test("A caller that is gone leaves nothing but tombstones")
    func callerGone() throws {
        var desk = desk
        let first = try opened(&desk, 1)
        let second = try opened(&desk, 2)
        let places = desk.left(caller: caller)
        #expect(Set(places.map(\.number)) == [first, second])
        #expect(desk.open == 0 && desk.tombstones == 2)
        for number in [first, second] {
            let late = desk.answered(agent: agent, number: number)
            #expect(late == .late)
        }
        #expect(desk.isEmpty)
    }
}
