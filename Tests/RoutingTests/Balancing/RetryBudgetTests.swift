import Routing
import Testing

@Suite struct RetryBudgetTests {
    private func spendAll(_ budget: inout RetryBudget, second: Int) -> Int {
        var spent = 0
        while spent < 100_000, budget.spend(second: second) { spent += 1 }
        return spent
    }

    @Test("S3: repeats are bounded by 10 per second and a tenth of the calls, over ten seconds")
    func bound() {
        var budget = RetryBudget()
        budget.calls(5000, second: 7)
        #expect(spendAll(&budget, second: 7) == 600)
        #expect(spendAll(&budget, second: 16) == 0)
        budget.calls(1000, second: 16)
        #expect(spendAll(&budget, second: 16) == 100)
    }

    @Test("S3: what is older than ten seconds counts no more")
    func window() {
        var budget = RetryBudget()
        budget.calls(5000, second: 0)
        #expect(spendAll(&budget, second: 0) == 600)
        #expect(spendAll(&budget, second: 10) == 100)
        #expect(spendAll(&budget, second: 1000) == 100)
    }
}
