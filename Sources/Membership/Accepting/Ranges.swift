public import Wire

/// A set of whole numbers, held as sorted, disjoint, inclusive ranges: what a join entry allows, what PEERS lists.
public struct Ranges: Sendable, Hashable {
    public private(set) var ranges: [ClosedRange<UInt64>]

    /// Every range in any order; ranges that touch or overlap are joined.
    public init(_ ranges: [ClosedRange<UInt64>]) {
        var joined: [ClosedRange<UInt64>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, last.upperBound == .max || range.lowerBound <= last.upperBound + 1 {
                joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        self.ranges = joined
    }

    /// The numbers of every claim; each has `lo <= hi`.
    public init(_ claims: some Sequence<Claim>) { self.init(claims.map { UInt64($0.lo)...UInt64($0.hi) }) }

    public func contains(_ number: UInt64) -> Bool { covers(number...number) }

    /// Whether every number of `range` is in the set. O(log n).
    public func covers(_ range: ClosedRange<UInt64>) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < range.lowerBound { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].lowerBound <= range.lowerBound && range.upperBound <= ranges[low].upperBound
    }
}

extension Peers {
    /// The list of those numbers, or "everything" when it has more ranges than are listed one by one (protocol section 2).
    package init(_ numbers: Ranges) {
        guard numbers.ranges.count <= Peers.maxRanges else {
            self = .everything
            return
        }
        self = .ranges(numbers.ranges.map { Claim(UInt32(clamping: $0.lowerBound), UInt32(clamping: $0.upperBound)) })
    }
}
