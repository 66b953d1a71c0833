import Testing

@testable import Links

@Suite("Memory of all queues")
struct MemoryBudgetTests {
    @Test("S13: what loops of different roles hold is bounded together, by what each told last")
    func shares() {
        let budget = MemoryBudget(limit: 100)
        let gateway = budget.share()
        let hub = budget.share()
        gateway.publish(60)
        #expect(!budget.isExceeded)
        hub.publish(50)
        #expect(budget.total == 110)
        #expect(budget.isExceeded)
        gateway.publish(10)
        gateway.publish(10)
        #expect(budget.total == 60)
        #expect(!budget.isExceeded)
        #expect(gateway.bytes == 10)
    }
}
