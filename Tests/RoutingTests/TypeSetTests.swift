import Routing
import TestSupport
import Testing

/// Sets of packet types, as routes name them.
@Suite("Type sets")
struct TypeSetTests {
    @Test("ranges are sorted; what touches or overlaps is joined")
    func joined() {
        #expect(TypeSet([]).ranges.isEmpty)
        #expect(TypeSet([7...7]).ranges == [7...7])
        #expect(TypeSet([100...199, 7...7]).ranges == [7...7, 100...199])
        #expect(TypeSet([1...5, 6...9]).ranges == [1...9])
        #expect(TypeSet([1...5, 3...4]).ranges == [1...5])
        #expect(TypeSet([1...5, 1...9, 20...30, 4...19]).ranges == [1...30])
        #expect(TypeSet([1...5, 7...9]).ranges == [1...5, 7...9])
        #expect(TypeSet([0xFFFF...0xFFFF, 0...0xFFFE]).ranges == [0...0xFFFF])
    }

    @Test("the same types are the same set, however they were written")
    func equal() {
        #expect(TypeSet([1...3, 4...6]) == TypeSet([4...6, 1...2, 3...3]))
        #expect(TypeSet([1...3]) != TypeSet([1...4]))
    }

    @Test("a set contains what its ranges hold, and nothing else")
    func contains() {
        var random = Seeded(1)
        for _ in 0..<20 {
            let ranges = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                let lower = UInt16.random(in: 0...0xFFFF, using: &random)
                return lower...UInt16.random(in: lower...(lower > 0xFF00 ? 0xFFFF : lower + 0xFF), using: &random)
            }
            let set = TypeSet(ranges)
            var probes: [UInt16] = [0, 0xFEFF, 0xFF00, 0xFFFF]
            for range in ranges { probes += [range.lowerBound, range.lowerBound &- 1, range.upperBound, range.upperBound &+ 1] }
            for probe in probes { #expect(set.contains(probe) == ranges.contains { $0.contains(probe) }, "\(probe) in \(set)") }
        }
    }

    @Test("application types end before the first control type")
    func application() {
        #expect(TypeSet.applicationTypes.contains(0))
        #expect(TypeSet.applicationTypes.contains(0xFEFF))
        #expect(!TypeSet.applicationTypes.contains(0xFF00))
    }

    @Test("two routes that share a type are told the first one")
    func shared() {
        let chat = TypeSet([100...199, 300...310])
        #expect(chat.firstShared(with: TypeSet([200...299])) == nil)
        #expect(chat.firstShared(with: TypeSet([])) == nil)
        #expect(chat.firstShared(with: chat) == 100)
        #expect(chat.firstShared(with: TypeSet([199...400])) == 199)
        #expect(chat.firstShared(with: TypeSet([0...7, 305...305])) == 305)
        #expect(TypeSet([199...400]).firstShared(with: chat) == 199)
    }

    @Test("a set reads as the configuration writes it")
    func description() {
        #expect(TypeSet([100...199, 7...7]).description == "7, 100-199")
        #expect(TypeSet([]).description == "")
        #expect(TypeSet([0...0xFFFF]).description == "0-65535")
    }
}
