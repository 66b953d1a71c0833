import DequeModule

/// What one event loop has for the lanes in this turn, lane by lane; all empty between turns.
struct StagedItems: ~Copyable {
    // One for each lane. An array cannot hold what is never copied.
    private let items = UnsafeMutablePointer<UniqueDeque<LaneItem>>.allocate(capacity: Lanes.count)
    /// The lanes that have something.
    private var lanes: [Int] = []

    init() {
        for lane in 0..<Lanes.count { (items + lane).initialize(to: UniqueDeque()) }
    }

    deinit {
        items.deinitialize(count: Lanes.count)
        items.deallocate()
    }

    var isEmpty: Bool { lanes.isEmpty }

    @inline(__always)
    mutating func append(_ item: consuming LaneItem, lane: Int) {
        if items[lane].isEmpty { lanes.append(lane) }
        items[lane].append(item)
    }

    /// Calls `take` with what each lane has; returns what that has left.
    mutating func handOver(_ take: (inout UniqueDeque<LaneItem>, _ lane: Int) -> Void) -> UniqueDeque<LaneItem> {
        var left = UniqueDeque<LaneItem>()
        for lane in lanes {
            take(&items[lane], lane)
            guard !items[lane].isEmpty else { continue }
            while let item = items[lane].popFirst() { left.append(item) }
            items[lane] = UniqueDeque()
        }
        lanes.removeAll(keepingCapacity: true)
        return left
    }
}
