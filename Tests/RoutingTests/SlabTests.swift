import Routing
import Testing

struct SlabTests {
    @Test("A value is found by its number until it is taken out, and by no other")
    func find() throws {
        var slab = Slab<String>(.narrow)
        let a = try need(slab.insert("a"))
        let b = try need(slab.insert("b"))
        #expect(slab[a] == "a" && slab[b] == "b" && slab.count == 2)
        expect(slab.remove(a) == "a")
        expect(slab[a] == nil && slab.remove(a) == nil && slab.count == 1)
        let c = try need(slab.insert("c"))
        #expect(c != a, "a slot that is used again has another number")
        #expect(slab[a] == nil && slab[c] == "c")
        #expect(slab[0] == nil && slab[.max] == nil)
    }

    @Test("The limit holds, and a slot that came free is used again")
    func limit() throws {
        var slab = Slab<Int>(.narrow, limit: 2)
        let first = try need(slab.insert(1))
        expect(slab.insert(2) != nil)
        expect(slab.insert(3) == nil)
        _ = slab.remove(first)
        expect(slab.insert(3) != nil)
        #expect(Slab<Int>(SlotNumbers(slotBits: 4, generationBits: 4)).limit == 16)
    }

    @Test("Narrow numbers fit 32 bits, wide ones 56, and none is 0, whatever wraps")
    func numbers() throws {
        var slab = Slab<Int>(SlotNumbers(slotBits: 1, generationBits: 2), limit: 1)
        var seen: Set<UInt64> = []
        for value in 0..<10 {
            let number = try need(slab.insert(value))
            #expect(number != 0 && number < 8)
            seen.insert(number)
            expect(slab.remove(number) == value)
        }
        #expect(seen.count == 3, "generations 1, 2, 3, then 1 again")
        var narrow = Slab<Int>(.narrow)
        for _ in 0..<100_000 {
            let number = try need(narrow.insert(1))
            #expect(number <= UInt64(UInt32.max))
            _ = narrow.remove(number)
        }
        let wide = SlotNumbers.wide
        #expect(wide.slotBits + wide.generationBits == 56)
    }

    @Test("A value is changed in place")
    func change() throws {
        var slab = Slab<[Int]>(.wide)
        let number = try need(slab.insert([1]))
        slab[number]?.append(2)
        #expect(slab[number] == [1, 2])
        slab[number + 1 << 24]?.append(3)
        #expect(slab[number] == [1, 2])
    }

    @Test("Everything is taken out at once, with its numbers")
    func removeAll() throws {
        var slab = Slab<Int>(.narrow)
        let numbers = try (0..<4).map { try need(slab.insert($0)) }
        _ = slab.remove(numbers[1])
        var taken: [UInt64: Int] = [:]
        slab.removeAll { taken[$0] = $1 }
        #expect(taken == [numbers[0]: 0, numbers[2]: 2, numbers[3]: 3])
        #expect(slab.isEmpty && slab[numbers[0]] == nil)
    }
}
