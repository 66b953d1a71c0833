import Routing
import Testing

@Suite struct BalancerTests {
    @Test("S19: random takes every available upstream alike, and no other")
    func random() {
        var generator = SystemRandomNumberGenerator()
        var hits = [0, 0, 0, 0]
        for _ in 0..<8000 {
            let pick = Balancer.random(4, draw: generator.next()) { $0 != 2 }
            hits[pick ?? 2] += 1
        }
        #expect(hits[2] == 0)
        #expect(hits.enumerated().allSatisfy { $0.offset == 2 || (2300...3050).contains($0.element) }, "\(hits)")
        #expect(Balancer.random(4, draw: 7) { _ in false } == nil)
        #expect(Balancer.random(0, draw: 7) { _ in true } == nil)
    }

    @Test("S19: leastInFlight takes the least loaded available upstream, and spreads what is equal")
    func least() {
        #expect(Balancer.least(4, draw: 0) { [5, 1, nil, 3][$0] } == 1)
        #expect(Balancer.least(3, draw: .max) { [nil, nil, 9][$0] } == 2)
        #expect(Balancer.least(2, draw: 1) { _ in nil } == nil)
        #expect(Balancer.least(0, draw: 1) { _ in 0 } == nil)
        let spread = Set((0..<4).map { Balancer.least(4, draw: UInt64($0) << 62) { _ in 0 } })
        #expect(spread == [0, 1, 2, 3])
    }
}
