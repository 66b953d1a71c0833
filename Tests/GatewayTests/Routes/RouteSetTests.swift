import TestSupport
import Testing

@testable import Gateway

/// The routes that carried a session.

@Suite("Route set")
struct RouteSetTests {
    @Test("S12: holds what was put in, once, in order, beyond 64 routes too", arguments: 1...10)
    func model(seed: UInt64) {
        var random = Seeded(seed)
        var set = RouteSet()
        var model: Set<Int> = []
        #expect(set.all.isEmpty)
        for _ in 0..<100 {
            let route = [0, 1, 62, 63, 64, 65, 127, 128, 1_000, Int.random(in: 0..<200, using: &random)].randomElement(using: &random)!
            set.insert(route)
            model.insert(route)
            #expect(set.all == model.sorted())
        }
    }
}
