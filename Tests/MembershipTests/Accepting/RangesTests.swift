import Testing
import Wire

@testable import Membership

@Suite struct RangesTests {
    @Test("Ranges that touch or overlap are one")
    func joins() {
        #expect(Ranges(5...9, 1...3, 4...4, 20...30, 25...40).ranges == [1...9, 20...40])
        #expect(Ranges(UInt64.max - 1...UInt64.max, UInt64.max...UInt64.max).ranges == [UInt64.max - 1...UInt64.max])
    }

    @Test("A range is covered only by one that holds all of it")
    func covers() {
        let set = Ranges(10...19, 30...39, 50...50)
        #expect(set.covers(10...19) && set.covers(31...32) && set.contains(50))
        #expect(!set.covers(9...10) && !set.covers(19...30) && !set.contains(49) && !set.contains(51))
        #expect(!Ranges([] as [Claim]).contains(0))
    }

    @Test("PEERS lists 4,096 ranges one by one, and stands for everything above")
    func peers() {
        let claims = (0..<4096).map { Claim(UInt32($0) * 2, UInt32($0) * 2) }
        #expect(Peers(Ranges(claims)) == .ranges(claims))
        #expect(Peers(Ranges(claims + [Claim(9000, 9000)])) == .everything)
    }
}
