import Routing
import TestSupport
import Testing

/// The choice function: everyone must compute the same, and a change of the nodes must move as little as it can.
@Suite("Choice")
struct ChoiceTests {
    @Test("S19, S30: mix and FNV-1a are the golden ones")
    func numbers() throws {
        #expect(Vectors.all.mix.count == 4)
        for golden in Vectors.all.mix { #expect(Choice.mix(try number(golden.x)) == (try number(golden.y))) }
        #expect(Vectors.all.fnv1a.count == 3)
        for golden in Vectors.all.fnv1a { #expect(Choice.fnv1a(golden.name) == (try number(golden.id)), "\(golden.name)") }
    }

    @Test("S19, S30: every golden choice")
    func golden() throws {
        #expect(Vectors.all.choice.count == 50)
        for golden in Vectors.all.choice {
            let nodes = try golden.nodes.map(number)
            let slot = Choice.slot(of: try number(golden.key))
            #expect(slot == golden.slot)
            let owner = try #require(Choice.owner(of: slot, among: nodes))
            #expect(nodes[owner] == (try number(golden.owner)), "key \(golden.key) among \(golden.nodes)")
        }
    }

    @Test("S19: the golden share of each node")
    func shares() throws {
        for golden in Vectors.all.owned {
            let nodes = try golden.nodes.map(number)
            let counts = Choice.owners(among: nodes).reduce(into: [String: Int]()) { $0[String(nodes[Int($1)]), default: 0] += 1 }
            #expect(counts == golden.slotsPerNode)
        }
    }

    @Test("no nodes, no owner; one node owns every slot")
    func few() {
        #expect(Choice.owner(of: 0, among: []) == nil)
        #expect(Choice.owners(among: []).isEmpty)
        #expect(Choice.owners(among: [42]) == [UInt16](repeating: 0, count: 4_096))
    }

    @Test("S6: the table agrees with the choice of each slot, for any set of nodes", arguments: 1...12)
    func table(_ count: Int) {
        let nodes = randomNodes(count, seed: 1)
        let owners = Choice.owners(among: nodes)
        #expect(owners.count == Choice.slots)
        #expect(owners.indices.allSatisfy { Int(owners[$0]) == Choice.owner(of: $0, among: nodes) })
    }

    @Test("S30: the order in which nodes are listed does not matter", arguments: 2...8)
    func order(_ count: Int) {
        let nodes = randomNodes(count, seed: 2)
        #expect(owningNodes(nodes) == owningNodes(nodes.reversed()))
        #expect(owningNodes(nodes) == owningNodes(nodes.sorted()))
    }

    @Test("S19: a node that leaves or joins moves only its own slots", arguments: 2...8)
    func leaving(_ count: Int) {
        let nodes = randomNodes(count, seed: 3)
        let before = owningNodes(nodes)
        for leaver in nodes {
            let after = owningNodes(nodes.filter { $0 != leaver })
            #expect(zip(before, after).allSatisfy { $0 == leaver || $0 == $1 })
            #expect(!after.contains(leaver))
        }
    }

    @Test("S19: shares are even, for consecutive ids as for random ones", arguments: [2, 5, 16])
    func even(_ count: Int) {
        for nodes in [randomNodes(count, seed: 4), (1...UInt64(count)).map { $0 }] {
            let fair = Double(Choice.slots) / Double(count)
            for (_, share) in owningNodes(nodes).reduce(into: [UInt64: Int](), { $0[$1, default: 0] += 1 }) {
                #expect(abs(Double(share) - fair) < fair * 0.25)
            }
        }
    }

    @Test("slots stay within the table")
    func slots() {
        var random = Seeded(5)
        for key in [0, 1, .max] + (0..<10_000).map({ _ in random.next() }) { #expect((0..<Choice.slots).contains(Choice.slot(of: key))) }
    }

    private func number(_ text: String) throws -> UInt64 { try #require(UInt64(text), "\(text)") }

    private func owningNodes(_ nodes: [UInt64]) -> [UInt64] { Choice.owners(among: nodes).map { nodes[Int($0)] } }

    private func randomNodes(_ count: Int, seed: UInt64) -> [UInt64] {
        var random = Seeded(seed &* 1_000 &+ UInt64(count))
        return (0..<count).map { _ in random.next() }
    }
}
