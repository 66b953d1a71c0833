import Routing
import TestSupport
import Testing

struct PendingTests {
    private func call<T>(_ match: Pending<T>.Match) -> T? {
        if case .call(let call) = match { call } else { nil }
    }

    private func name<T>(_ match: Pending<T>.Match) -> String {
        switch match {
        case .call: "call"
        case .tombstone: "tombstone"
        case .unknown: "unknown"
        }
    }

    @Test("S10: an answer is taken once; a second one belongs to nothing")
    func once() throws {
        var pending = Pending<String>(.wide)
        let number = try need(pending.open("a", deadline: 10))
        expect(call(pending.answered(number)) == "a")
        expect(name(pending.answered(number)) == "unknown")
        #expect(pending.isEmpty)
    }

    @Test("S28: a call that is given up keeps its number until the late answer, which is dropped")
    func tombstone() throws {
        var pending = Pending<String>(.narrow, limit: 1)
        let number = try need(pending.open("a"))
        expect(pending.abandon(number) == "a")
        expect(pending.abandon(number) == nil && pending.retract(number) == nil && pending[number] == nil)
        #expect(pending.count == 0 && pending.tombstones == 1 && pending.isFull)
        expect(pending.open("b") == nil, "a tombstone takes its place in the window")
        expect(name(pending.answered(number)) == "tombstone")
        #expect(pending.isEmpty)
        expect(pending.open("b") != nil)
    }

    @Test("A call that the peer never got leaves no tombstone")
    func retract() throws {
        var pending = Pending<String>(.narrow)
        let number = try need(pending.open("a", deadline: 5))
        expect(pending.retract(number) == "a")
        #expect(pending.isEmpty)
        expect(pending.nextExpired(at: 100) == nil)
    }

    @Test("Deadlines come in their tick, also far beyond one turn of the wheel, and passed ones at the next look")
    func deadlines() throws {
        var pending = Pending<Int>(.wide)
        for deadline in [1000, 1001, 1255, 1256, 1257, 7000] { _ = pending.open(deadline, deadline: deadline) }
        #expect(pending.nextDue == 1000)
        var expired: [(tick: Int, call: Int)] = []
        for tick in 990...8000 {
            #expect(pending.nextDue >= tick)
            while let next = pending.nextExpired(at: tick) { expired.append((tick, next.call)) }
        }
        #expect(expired.map(\.tick) == [1000, 1001, 1255, 1256, 1257, 7000])
        #expect(expired.map(\.call) == expired.map(\.tick))
        #expect(pending.nextDue == Pending<Int>.never && pending.count == 0 && pending.tombstones == 6)
        _ = pending.open(5, deadline: 5)
        #expect(pending.nextDue <= 8001)
        expect(pending.nextExpired(at: 8001)?.call == 5)
    }

    @Test("A look that comes late finds everything that is due, once")
    func lateLook() {
        var pending = Pending<Int>(.wide)
        for deadline in 0..<3000 { _ = pending.open(deadline, deadline: deadline) }
        var expired: Set<Int> = []
        while let next = pending.nextExpired(at: 1999) { expect(expired.insert(next.call).inserted) }
        #expect(expired == Set(0..<2000))
        #expect(pending.count == 1000 && pending.nextDue <= 2000)
    }

    @Test("The peer's end takes out every call with its number, and every tombstone")
    func end() throws {
        var pending = Pending<Int>(.wide)
        let numbers = try (0..<5).map { try need(pending.open($0, deadline: $0)) }
        _ = pending.abandon(numbers[2])
        let gone = pending.removeAll()
        #expect(gone.map(\.call) == [0, 1, 3, 4])
        #expect(gone.map(\.number) == [0, 1, 3, 4].map { numbers[$0] })
        #expect(pending.isEmpty && pending.nextDue == Pending<Int>.never)
    }

    @Test("S2: whatever happens, in random order, every call ends exactly once", arguments: 1...20 as ClosedRange<UInt64>)
    func model(seed: UInt64) throws {
        var random = Seeded(seed)
        var pending = Pending<Int>(SlotNumbers(slotBits: 6, generationBits: 10))
        var open: [UInt64: (call: Int, deadline: Int)] = [:]
        var stones: Set<UInt64> = []
        var ended: Set<Int> = []
        var tick = 0
        for call in 0..<20_000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0...4:
                let deadline = Bool.random(using: &random) ? tick + Int.random(in: -5...900, using: &random) : Pending<Int>.never
                guard let number = pending.open(call, deadline: deadline) else {
                    #expect(open.count + stones.count == 64)
                    continue
                }
                #expect(open[number] == nil && !stones.contains(number))
                open[number] = (call, deadline)
            case 5, 6:
                guard let number = open.keys.randomElement(using: &random), let expected = open.removeValue(forKey: number) else { continue }
                expect(self.call(pending.answered(number)) == expected.call)
                expect(ended.insert(expected.call).inserted)
            case 7:
                guard let number = open.keys.randomElement(using: &random), let expected = open.removeValue(forKey: number) else { continue }
                expect(pending.abandon(number) == expected.call)
                expect(ended.insert(expected.call).inserted)
                stones.insert(number)
            case 8:
                guard let number = stones.randomElement(using: &random) else { continue }
                expect(name(pending.answered(number)) == "tombstone")
                stones.remove(number)
            default:
                tick += Int.random(in: 1...400, using: &random)
                while let (number, call) = pending.nextExpired(at: tick) {
                    let expected = try need(open.removeValue(forKey: number))
                    #expect(expected.call == call && expected.deadline <= tick)
                    expect(ended.insert(call).inserted)
                    stones.insert(number)
                }
                #expect(open.values.allSatisfy { $0.deadline > tick })
            }
            #expect(pending.count == open.count && pending.tombstones == stones.count)
        }
        #expect(Set(pending.removeAll().map(\.call)) == Set(open.values.map(\.call)))
        #expect(pending.isEmpty)
    }
}
