import Testing
import Wire

@testable import Telemetry

/// Counts by code.
@Suite("Code counts")
struct CodeCountsTests {
    @Test("S1: every code has its own count and its name as label")
    func each() {
        var counts = CodeCounts()
        #expect(counts.labelled.isEmpty)
        for code in Code.allCases { for _ in 0..<code.rawValue { counts.add(code) } }
        #expect(counts.labelled.map(\.0) == Code.allCases.map(\.name))
        #expect(counts.labelled.map(\.1) == Code.allCases.map { Int($0.rawValue) })
    }

    @Test("S1: a code off the wire counts as itself when it is known, else as unknown")
    func raw() {
        var counts = CodeCounts()
        counts.add(raw: 3)
        counts.add(.busy)
        for unknown in [0, 20, 999, UInt16.max] { counts.add(raw: unknown) }
        #expect(Dictionary(uniqueKeysWithValues: counts.labelled) == ["busy": 2, "unknown": 4])
    }
}
