/// A set of packet types, held as sorted, disjoint, inclusive ranges.
public struct TypeSet: Sendable, Hashable, CustomStringConvertible {
    /// Sorted, disjoint, inclusive; ranges that touch are one.
    public private(set) var ranges: [ClosedRange<UInt16>]

    /// Every range in any order; ranges that touch or overlap are joined.
    public init(_ ranges: [ClosedRange<UInt16>]) {
        var joined: [ClosedRange<UInt16>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, Int(range.lowerBound) <= Int(last.upperBound) + 1 {
                joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        self.ranges = joined
    }

    /// Every application type: 0 ... 0xFEFF.
    public static let applicationTypes = TypeSet([0...0xFEFF])

    /// Whether the set holds that type.
    public func contains(_ type: UInt16) -> Bool { ranges.contains { $0.contains(type) } }

    /// A type that both sets hold, or nil when they are disjoint.
    public func firstShared(with other: TypeSet) -> UInt16? {
        for mine in ranges {
            for theirs in other.ranges where mine.overlaps(theirs) { return max(mine.lowerBound, theirs.lowerBound) }
        }
        return nil
    }

    public var description: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ", ")
    }
}
