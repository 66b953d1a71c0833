import Routing
import TestSupport
import Testing

struct NumberIndexTests {
    @Test("A number is noted once, and found until it is removed")
    func once() {
        var index = NumberIndex<Int>()
        expect(index.insert(7, 1))
        expect(!index.insert(7, 2), "the first stays")
        #expect(index[7] == 1 && index.count == 1)
        index.update(7, 3)
        expect(index.remove(7) == 3)
        expect(index[7] == nil && index.remove(7) == nil && index.isEmpty)
    }

    @Test("It holds what a dictionary holds, whatever is added and removed", arguments: 1...10 as ClosedRange<UInt64>)
    func model(seed: UInt64) {
        var random = Seeded(seed)
        var index = NumberIndex<Int>(seed: seed)
        var model: [UInt64: Int] = [:]
        for step in 0..<20_000 {
            let key = UInt64.random(in: 0..<300, using: &random)
            if Bool.random(using: &random) {
                expect(index.insert(key, step) == (model[key] == nil))
                if model[key] == nil { model[key] = step }
            } else {
                expect(index.remove(key) == model.removeValue(forKey: key))
            }
            #expect(index.count == model.count)
        }
        #expect((0..<300 as Range<UInt64>).allSatisfy { index[$0] == model[$0] })
        #expect(index.values.sorted() == model.values.sorted())
    }
}
