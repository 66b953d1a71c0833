import Routing
import TestSupport
import Testing

/// The table that a choice reads, kept up to date node by node.
@Suite("Slot table")
struct SlotTableTests {
    @Test("S6, S19: after any joining and leaving the table is the choice among its nodes", arguments: 1...6)
    func sequence(seed: UInt64) {
        var random = Seeded(seed)
        var table = SlotTable<UInt64>()
        var nodes: [UInt64] = []
        for _ in 0..<25 {
            if nodes.isEmpty || Int.random(in: 0..<5, using: &random) > 1 {
                // Small numbers and large ones; now and then one that is there already.
                let node = UInt64.random(in: 0...(Bool.random(using: &random) ? 12 : .max), using: &random)
                table.insert(node, node)
                if !nodes.contains(node) { nodes.append(node) }
            } else {
                let node = nodes.remove(at: Int.random(in: nodes.indices, using: &random))
                table.remove(node)
            }
            let owners = Choice.owners(among: nodes)
            let expected = owners.map { nodes[Int($0)] }
            let actual = nodes.isEmpty ? [] : (0..<Choice.slots).compactMap { table[$0] }
            #expect(actual == expected, "\(nodes.count) nodes")
            #expect(Set(table.all) == Set(nodes) && table.all.count == nodes.count)
            #expect(table.isEmpty == nodes.isEmpty)
        }
    }

    @Test("S19: removing a node moves only its own slots; putting it back restores every one", arguments: 2...6)
    func moves(_ count: Int) {
        var random = Seeded(UInt64(count))
        let nodes = (0..<count).map { _ in random.next() }
        var table = SlotTable<UInt64>()
        for node in nodes { table.insert(node, node) }
        let before = slots(table)
        for node in nodes {
            table.remove(node)
            let without = slots(table)
            #expect(zip(before, without).allSatisfy { $0 == node || $0 == $1 })
            #expect(!without.contains(node))
            table.insert(node, node)
            #expect(slots(table) == before)
        }
    }

    @Test("S6: the order of joining does not matter")
    func order() {
        var random = Seeded(7)
        let nodes = (0..<7).map { _ in random.next() }
        var tables = (SlotTable<UInt64>(), SlotTable<UInt64>())
        for node in nodes { tables.0.insert(node, node) }
        for node in nodes.reversed() { tables.1.insert(node, node) }
        #expect(slots(tables.0) == slots(tables.1))
    }

    @Test("what is attached to a node can be replaced; its slots stay")
    func replace() {
        var table = SlotTable<String>()
        for node in 1...3 as ClosedRange<UInt64> { table.insert(node, "\(node)") }
        let before = (0..<Choice.slots).map { table[$0] == "2" }
        table.insert(2, "new")
        #expect((0..<Choice.slots).map { table[$0] == "new" } == before)
        #expect(table.all.count == 3)
    }

    @Test("no node, no owner; one node owns every slot; unknown nodes are not missed")
    func few() {
        var table = SlotTable<Int>()
        #expect(table[0] == nil && table[4_095] == nil && table.isEmpty)
        table.remove(9)
        table.insert(5, 50)
        table.remove(9)
        #expect((0..<Choice.slots).allSatisfy { table[$0] == 50 })
        table.remove(5)
        #expect(table.isEmpty && table[17] == nil)
    }

    private func slots(_ table: SlotTable<UInt64>) -> [UInt64?] { (0..<Choice.slots).map { table[$0] } }
}
