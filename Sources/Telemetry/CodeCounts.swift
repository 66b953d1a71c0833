package import Wire

/// Counts by code; anything that the table does not know is counted under 0.
package struct CodeCounts {
    private var counts = [Int](repeating: 0, count: Code.allCases.count + 1)

    package init() {}

    package mutating func add(_ code: Code) { counts[Int(code.rawValue)] += 1 }
    package mutating func add(raw code: UInt16) { counts[Code(rawValue: code) == nil ? 0 : Int(code)] += 1 }

    /// Those that are not 0, by the label's value.
    package var labelled: [(String, Int)] {
        counts.enumerated().filter { $0.element > 0 }.map { ($0.offset == 0 ? "unknown" : Code.name(of: UInt16($0.offset)), $0.element) }
    }
}
