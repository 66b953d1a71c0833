/// How long things took: a Prometheus histogram with fixed bounds from 100 us to 30 s. Plain integers of one loop, added up when read.
public struct Distribution: Sendable, Hashable {
    /// Upper bounds in microseconds; beyond the last one, only the count tells.
    public static let bounds = [
        100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000,
        30_000_000,
    ]

    /// How many fell under each bound and over the one before; the last entry: over all.
    public private(set) var counts = [Int](repeating: 0, count: bounds.count + 1)
    public private(set) var nanoseconds = 0

    public init() {}

    public var count: Int { counts.reduce(0, +) }

    public mutating func add(nanoseconds value: Int64) {
        let microseconds = Int(value / 1000)
        var bucket = 0
        while bucket < Distribution.bounds.count, microseconds > Distribution.bounds[bucket] { bucket += 1 }
        counts[bucket] += 1
        nanoseconds += Int(value)
    }

    public mutating func add(_ other: Distribution) {
        for bucket in counts.indices { counts[bucket] += other.counts[bucket] }
        nanoseconds += other.nanoseconds
    }
}
