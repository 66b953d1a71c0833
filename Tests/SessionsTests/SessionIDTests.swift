import Testing

@testable import Sessions

/// The numbers of client connections.
@Suite("Session ids")
struct SessionIDTests {
    @Test("S9: 200,000 tags are 200,000 different ones, all within 34 bits")
    func tags() {
        var tags = TagSequence(key: (1, 2))
        var seen = Set<UInt64>(minimumCapacity: 200_000)
        for _ in 0..<200_000 {
            let tag = tags.next()
            #expect(tag >> SessionID.tagBits == 0)
            seen.insert(tag)
        }
        #expect(seen.count == 200_000)
    }

    @Test("S9: a tag does not tell the next one: bits change evenly, and both halves do")
    func spread() {
        var tags = TagSequence(key: (3, 4))
        var ones = [Int](repeating: 0, count: Int(SessionID.tagBits))
        var differences = Set<UInt64>()
        var last = tags.next()
        for _ in 0..<4_000 {
            let tag = tags.next()
            for bit in ones.indices where (tag ^ last) >> UInt64(bit) & 1 == 1 { ones[bit] += 1 }
            differences.insert(tag &- last)
            last = tag
        }
        #expect(ones.allSatisfy { (1_700...2_300).contains($0) }, "\(ones)")
        #expect(differences.count > 3_990)
    }

    @Test("S9: another process, whose key differs, gives other tags")
    func keys() {
        for key in [(5, 7), (6, 6), (6, 5)] as [(UInt64, UInt64)] {
            var (first, second) = (TagSequence(key: (5, 6)), TagSequence(key: key))
            #expect((0..<1_000).count { _ in first.next() == second.next() } == 0)
        }
    }

    @Test("S9: an id is its loop, its slot and its tag, at every extreme")
    func parts() {
        let largest = (UInt64(1) << SessionID.tagBits) - 1
        for loop in [0, 1, 33, SessionID.maxLoops - 1] {
            for slot in [1, 2, 70_000, SessionID.maxSlots - 1] {
                for tag in [0, 1, largest] {
                    let session = SessionID.make(loop: loop, slot: slot, tag: tag)
                    #expect(session != 0)
                    #expect(SessionID.loop(of: session) == loop && SessionID.slot(of: session) == slot)
                    #expect(session & largest == tag)
                }
            }
        }
    }
}
