import NIOCore
import Testing

@testable import Switchyard

/// Bodies for inline handlers: whoever keeps one keeps it, whatever the desk does with its memory.
@Suite("Bodies for inline handlers")
struct InlineBodiesTests {
    /// What a handler does with the body that it is given.
    enum Handler: CaseIterable {
        case answersWithIt, keepsIt, keepsAndAnswersWithIt, readsSomeOfIt, answersWithAnother, answersNothing
    }

    private func body(_ number: Int, count: Int) -> ByteBuffer {
        ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: number &* 31 &+ $0) })
    }

    private func lend(_ body: ByteBuffer, from bodies: inout InlineBodies) -> ByteBuffer { body.withUnsafeReadableBytes { bodies.copy($0) } }

    private func takeBack(_ body: consuming ByteBuffer, to bodies: inout InlineBodies) {
        let address = body.withUnsafeReadableBytes { $0.baseAddress }
        bodies.takeBack(body, at: address)
    }

    @Test("a body is what was read, from its first index, and stays so while it is kept", arguments: [0, 1, 100, 8_192, 8_193, 65_507])
    func kept(count: Int) {
        var bodies = InlineBodies()
        var kept: [(number: Int, body: ByteBuffer)] = []
        // Each way long enough that the next begins with the buffer that this one leaves.
        for number in 0..<(Handler.allCases.count * 2 * 150) {
            let sent = body(number, count: count)
            var lent = lend(sent, from: &bodies)
            #expect(lent == sent)
            #expect(lent.readerIndex == 0)
            #expect(lent.getBytes(at: 0, length: count) == sent.getBytes(at: 0, length: count))
            switch Handler.allCases[number / 150 % Handler.allCases.count] {
            case .answersWithIt: takeBack(lent, to: &bodies)
            case .keepsIt: kept.append((number, lent))
            case .keepsAndAnswersWithIt:
                kept.append((number, lent))
                takeBack(lent, to: &bodies)
            case .readsSomeOfIt:
                lent.moveReaderIndex(forwardBy: count / 2)
                takeBack(lent, to: &bodies)
            case .answersWithAnother: takeBack(ByteBuffer(repeating: 7, count: 10_000), to: &bodies)
            case .answersNothing: break
            }
        }
        for (number, body) in kept { #expect(body == self.body(number, count: count)) }
    }

    @Test("a slice that comes back is written to within its bounds")
    func slice() {
        var bodies = InlineBodies()
        var whole = ByteBuffer(repeating: 1, count: 20_000)
        takeBack(whole.getSlice(at: 1_000, length: 9_000)!, to: &bodies)
        var lent = lend(body(3, count: 100), from: &bodies)
        #expect(lent == body(3, count: 100))
        #expect(whole == ByteBuffer(repeating: 1, count: 20_000))
        // Nobody else holds this one any more.
        whole = ByteBuffer(repeating: 2, count: 20_000)
        let slice = whole.getSlice(at: 1_000, length: 9_000)!
        whole = ByteBuffer()
        takeBack(slice, to: &bodies)
        lent = lend(body(4, count: 8_000), from: &bodies)
        #expect(lent == body(4, count: 8_000))
        #expect(lent.readerIndex == 0)
    }

    /// What a handler answers with, and what it belongs to.
    enum Large: CaseIterable {
        case another, partOfAnother, grown, partOfGrown

        func answer(_ lent: consuming ByteBuffer) -> ByteBuffer {
            var whole = self == .grown || self == .partOfGrown ? lent : ByteBuffer()
            whole.clear()
            whole.reserveCapacity(100_000)
            whole.writeRepeatingByte(1, count: 100_000)
            // Where the memory grew in place, its part begins where the body did and is as long as that was.
            return self == .another || self == .grown ? whole : whole.getSlice(at: 0, length: BodyBlocks.size)!
        }
    }

    @Test("memory comes back: a large answer, or one that is part of something large, is not held for long", arguments: Large.allCases)
    func large(kind: Large) {
        var bodies = InlineBodies()
        for number in 0..<20 {
            for _ in 0..<100 { takeBack(lend(body(number, count: 100), from: &bodies), to: &bodies) }
            let lent = lend(body(number, count: 100), from: &bodies)
            #expect(lent.capacity == BodyBlocks.size, "no slice any more: a buffer that goes to and fro")
            takeBack(kind.answer(consume lent), to: &bodies)
            for _ in 0..<256 { takeBack(lend(body(number, count: 100), from: &bodies), to: &bodies) }
            let later = lend(body(number, count: 100), from: &bodies)
            #expect(later == body(number, count: 100))
            #expect(later.storageCapacity == BodyBlocks.size)
            takeBack(later, to: &bodies)
        }
    }

    @Test("a part of something large that looks like what was lent goes within 256 bodies")
    func partOfLarge() {
        var bodies = InlineBodies()
        // What a handler can bring about only where memory happens to grow in place: the part of something large is what goes to and fro.
        bodies.largest = 1 << 20
        takeBack(Large.partOfAnother.answer(ByteBuffer()), to: &bodies)
        bodies.largest = InlineBodies().largest
        let lent = lend(body(1, count: 100), from: &bodies)
        #expect(lent.storageCapacity > bodies.largest)
        takeBack(consume lent, to: &bodies)
        for _ in 0..<256 { takeBack(lend(body(2, count: 100), from: &bodies), to: &bodies) }
        #expect(lend(body(3, count: 100), from: &bodies).storageCapacity == BodyBlocks.size)
    }

    @Test("a small body that is kept holds one block, whatever came around it", arguments: [true, false])
    func small(isUsedAgain: Bool) {
        var blocks = BodyBlocks(isUsedAgain: isUsedAgain)
        var kept: [ByteBuffer] = []
        for number in 0..<60 {
            let sent = [body(number, count: 65_507), body(number, count: 100), body(number, count: BodyBlocks.size)][number % 3]
            let copy = sent.withUnsafeReadableBytes { blocks.copy($0) }
            #expect(copy == sent)
            if number % 3 == 1 { kept.append(copy) }
        }
        for body in kept { #expect(body.storageCapacity == BodyBlocks.size) }
    }
}
