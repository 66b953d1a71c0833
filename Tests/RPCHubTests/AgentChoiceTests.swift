import Membership
import Routing
import TestSupport
import Testing

@testable import RPCHub

@Suite("Choice of agent")
struct AgentChoiceTests {
    private func set(_ nodes: [UInt64]) -> CandidateSet {
        CandidateSet(nodes.enumerated().map { CandidateSet.Candidate(node: $1, slot: UInt32($0)) }, like: nil)
    }

    private func choose(_ set: CandidateSet, sharding: Int64 = 0, draw: UInt64 = 0, _ ask: (Int) -> AgentChoice.Readiness) -> AgentChoice {
        AgentChoice.choose(set.pointer.pointee, shardingID: sharding, draw: draw, ask: ask)
    }

    @Test("S19: a sharding id goes to the owner that everyone computes, whatever the loads")
    func sharded() {
        let nodes: [UInt64] = [5, 6, 7, 8]
        let set = set(nodes)
        for id in (-50...50 as ClosedRange<Int64>) where id != 0 {
            let owner = Choice.owner(of: Choice.slot(of: UInt64(bitPattern: id)), among: nodes)
            #expect(choose(set, sharding: id, draw: UInt64(bitPattern: id) &* 77) { .open(load: $0 * 100) } == owner.map(AgentChoice.agent))
        }
    }

    @Test("S19: busy when the owner of a sharding id is full, though others are not")
    func shardedBusy() {
        let set = set([5, 6, 7])
        guard case .agent(let owner) = choose(set, sharding: 9, { _ in .open(load: 0) }) else {
            Issue.record("no owner")
            return
        }
        #expect(choose(set, sharding: 9) { $0 == owner ? .full : .open(load: 0) } == .busy)
    }

    @Test("S19: without a sharding id the less busy of two different ones, and both by chance")
    func twoChoices() {
        let set = set([5, 6, 7, 8])
        var random = Seeded(1)
        var seen: Set<Int> = []
        for _ in 0..<2000 {
            var asked: [Int] = []
            let choice = choose(set, draw: random.next()) {
                asked.append($0)
                return .open(load: $0)
            }
            #expect(Set(asked).count == 2)
            #expect(choice == .agent(asked.min() ?? -1))
            seen.formUnion(asked)
        }
        #expect(seen == [0, 1, 2, 3])
    }

    @Test("S19: busy only when every one is full; whoever has room is found")
    func room() {
        let set = set([5, 6, 7, 8])
        var random = Seeded(2)
        for _ in 0..<200 {
            #expect(choose(set, draw: random.next()) { $0 == 3 ? .open(load: 9) : .full } == .agent(3))
            #expect(choose(set, draw: random.next()) { $0 == 3 ? .full : .gone } == .busy)
            #expect(choose(set, draw: random.next()) { _ in .full } == .busy)
            #expect(choose(set, draw: random.next()) { _ in .gone } == .noRoute)
        }
    }

    @Test("A dead owner's calls go to who owns them without it")
    func detour() {
        let nodes: [UInt64] = [5, 6, 7]
        let set = set(nodes)
        for id in 1...100 as ClosedRange<Int64> {
            guard case .agent(let owner) = choose(set, sharding: id, { _ in .open(load: 0) }) else { continue }
            let others = nodes.indices.filter { $0 != owner }
            let expected = Choice.owner(of: Choice.slot(of: UInt64(id)), among: others.map { nodes[$0] }).map { others[$0] }
            #expect(choose(set, sharding: id) { $0 == owner ? .gone : .open(load: 0) } == expected.map(AgentChoice.agent))
        }
    }

    @Test("Nobody: noRoute; only leaving ones: draining")
    func nobody() {
        #expect(choose(.nobody) { _ in .open(load: 0) } == .noRoute)
        #expect(choose(.draining, sharding: 4) { _ in .open(load: 0) } == .draining)
    }
}
