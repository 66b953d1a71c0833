/// Which set of hubs lists each target, and which hub of the set owns each slot.
///
/// Most targets are listed by the same few sets, so a set has a table of 4,096 owners and a target has the number of its set. Sets beyond
/// ``maxTables`` (hubs whose lists differ in very many ways) have their owner worked out for each choice.
@usableFromInline
struct HubSets {
    /// A stretch of targets that the same hubs list.
    struct Segment {
        let targets: ClosedRange<UInt32>
        let set: Int
    }

    /// At most this many sets have tables: 512 KiB.
    static let maxTables = 64

    /// In order, without gaps; never empty once hubs are known.
    private(set) var segments: [Segment] = []
    /// The first target of each segment, for the search.
    private var starts: [UInt32] = []
    /// The set of each target below its count.
    @usableFromInline private(set) var dense: [UInt32] = []
    /// By set: its hubs, as positions. Set 0 is the empty one.
    private var memberLists: [[Int]] = [[]]
    /// Owners of the slots of each set that has a table, as positions, one table behind the other. The empty set's is not read.
    @usableFromInline private(set) var owners: [UInt16] = []
    @usableFromInline private(set) var tables = 0
    private var ids: [UInt64] = []
    /// The set of all hubs.
    private(set) var all = 0

    init() {}

    func members(of set: Int) -> [Int] { memberLists[set] }

    @inlinable
    @inline(__always)
    func set(of target: UInt32) -> Int {
        Int(target) < dense.count ? Int(dense[Int(target)]) : searchSet(of: target)
    }

    /// The position of the hub that owns a slot of the set; nil for the empty set.
    @inlinable
    @inline(__always)
    func owner(_ set: Int, slot: Int) -> Int? {
        if set == 0 { return nil }
        return set <= tables ? Int(owners[(set - 1) * Choice.slots + slot]) : computedOwner(set, slot: slot)
    }

    @usableFromInline
    func computedOwner(_ set: Int, slot: Int) -> Int? {
        let members = memberLists[set]
        return Choice.owner(of: slot, among: members.map { ids[$0] }).map { members[$0] }
    }

    @usableFromInline
    func searchSet(of target: UInt32) -> Int {
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= target { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? 0 : segments[low - 1].set
    }

    // MARK: - Building

    /// - Parameters:
    ///   - ids: the hubs' ids; a hub is known by its position here.
    ///   - reaches: what each lists: sorted ranges that do not overlap.
    mutating func rebuild(ids: [UInt64], reaches: [[ClosedRange<UInt32>]], denseTargets: Int) {
        let known = knownTables()
        self.ids = ids
        segments = []
        memberLists = [[]]
        var numbers: [[Int]: Int] = [[]: 0]
        func number(_ members: [Int]) -> Int {
            if let number = numbers[members] { return number }
            memberLists.append(members)
            numbers[members] = memberLists.count - 1
            return memberLists.count - 1
        }
        // First, so that it has a table whatever else there is.
        all = number(Array(ids.indices))
        var bounds = Set<UInt64>([0, UInt64(UInt32.max) + 1])
        for range in reaches.joined() {
            bounds.insert(UInt64(range.lowerBound))
            bounds.insert(UInt64(range.upperBound) + 1)
        }
        let ordered = bounds.sorted()
        var next = [Int](repeating: 0, count: ids.count)
        for (from, end) in zip(ordered, ordered.dropFirst()) {
            let target = UInt32(from)
            var members: [Int] = []
            for hub in ids.indices {
                while next[hub] < reaches[hub].count, reaches[hub][next[hub]].upperBound < target { next[hub] += 1 }
                if next[hub] < reaches[hub].count, reaches[hub][next[hub]].contains(target) { members.append(hub) }
            }
            segments.append(Segment(targets: target...UInt32(end - 1), set: number(members)))
        }
        starts = segments.map(\.targets.lowerBound)
        fillDense(denseTargets)
        fillTables(known)
    }

    private mutating func fillDense(_ count: Int) {
        if dense.count != count { dense = [UInt32](repeating: 0, count: count) }
        for segment in segments where Int(segment.targets.lowerBound) < count {
            let end = min(Int(segment.targets.upperBound), count - 1)
            for target in Int(segment.targets.lowerBound)...end { dense[target] = UInt32(truncatingIfNeeded: segment.set) }
        }
    }

    /// Tables by the ids of their members: PEERS change often, the sets of hubs seldom.
    private func knownTables() -> [[UInt64]: [UInt16]] {
        var known: [[UInt64]: [UInt16]] = [:]
        for set in 0..<tables {
            let members = memberLists[set + 1]
            let table = owners[(set * Choice.slots)..<((set + 1) * Choice.slots)]
            // By position among the members, which stays when positions among all hubs change.
            var place: [Int: UInt16] = [:]
            for (index, member) in members.enumerated() { place[member] = UInt16(truncatingIfNeeded: index) }
            known[members.map { ids[$0] }] = table.map { place[Int($0)] ?? 0 }
        }
        return known
    }

    private mutating func fillTables(_ known: [[UInt64]: [UInt16]]) {
        tables = min(memberLists.count - 1, HubSets.maxTables)
        owners = []
        owners.reserveCapacity(tables * Choice.slots)
        for set in 0..<tables {
            let members = memberLists[set + 1]
            let nodes = members.map { ids[$0] }
            let table = known[nodes] ?? Choice.owners(among: nodes)
            owners += table.map { UInt16(truncatingIfNeeded: members[Int($0)]) }
        }
    }
}
