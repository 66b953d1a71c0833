import Membership
import Routing
import TestSupport
import Testing

@Suite struct CandidateSetTests {
    private func set(_ nodes: some Sequence<UInt64>, like similar: CandidateSet? = nil) -> CandidateSet {
        CandidateSet(nodes.map { CandidateSet.Candidate(node: $0, slot: UInt32($0 * 10)) }.sorted(), like: similar)
    }

    @Test("S19: a key falls to the owner that the choice function names, however the set was made")
    func owners() {
        var random = Seeded(7)
        var nodes: Set<UInt64> = [1]
        var current = set(nodes)
        for _ in 0..<60 {
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let node = UInt64.random(in: 1...40, using: &random)
                if nodes.contains(node), nodes.count > 1 { nodes.remove(node) } else { nodes.insert(node) }
            }
            current = set(nodes, like: current)
            let sorted = nodes.sorted()
            let expected = Choice.owners(among: sorted)
            for key in 0..<200 as Range<UInt64> {
                let owner = sorted[Int(expected[Choice.slot(of: key)])]
                #expect(withExtendedLifetime(current) { current.pointer.pointee.owner(of: key) } == Int(owner) * 10)
            }
        }
    }

    @Test("S3: without a dead one, a key falls to whom it would fall to if that one had never been")
    func withoutDead() {
        let (all, rest) = (set([3, 5, 9, 12]), set([3, 9, 12]))
        withExtendedLifetime((all, rest)) {
            for key in 0..<500 as Range<UInt64> {
                #expect(all.pointer.pointee.owner(of: key) { $0 == 50 } == rest.pointer.pointee.owner(of: key))
            }
            #expect(all.pointer.pointee.owner(of: 1) { _ in true } == nil)
        }
    }
}
