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
        counts[Distribution.bucket(of: Int(value / 1000))] += 1
        nanoseconds += Int(value)
    }

    /// The first bound that is not under it. Written out, because every call asks, twice: comparisons with constants, four or five of them.
    private static func bucket(of microseconds: Int) -> Int {
        switch microseconds {
        case ...5_000:
            switch microseconds {
            case ...500: microseconds <= 100 ? 0 : microseconds <= 250 ? 1 : 2
            default: microseconds <= 1_000 ? 3 : microseconds <= 2_500 ? 4 : 5
            }
        case ...250_000:
            switch microseconds {
            case ...50_000: microseconds <= 10_000 ? 6 : microseconds <= 25_000 ? 7 : 8
            default: microseconds <= 100_000 ? 9 : 10
            }
        default:
            switch microseconds {
            case ...2_500_000: microseconds <= 500_000 ? 11 : microseconds <= 1_000_000 ? 12 : 13
            default: microseconds <= 5_000_000 ? 14 : microseconds <= 10_000_000 ? 15 : microseconds <= 30_000_000 ? 16 : 17
            }
        }
    }

    public mutating func add(_ other: Distribution) {
        for bucket in counts.indices { counts[bucket] += other.counts[bucket] }
        nanoseconds += other.nanoseconds
    }
}
