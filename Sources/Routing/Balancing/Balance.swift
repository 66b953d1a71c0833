/// How a call's upstream is chosen among those that can take it. Source: config, `balance`; rule S19.
public enum Balance: String, Sendable, CaseIterable {
    /// Any of them.
    case random
    /// The one with the fewest calls open; among equals, any.
    case leastInFlight
    /// By a key of the call: always the same one, as long as none joins or leaves.
    case hash
}

/// Picks among `count` candidates. Pure: randomness comes in as a number.
public enum Balancer {
    /// The position of an available candidate, each with the same chance; nil when there is none.
    /// - Parameters:
    ///   - draw: any number, evenly distributed.
    ///   - isAvailable: asked at most twice for each candidate.
    @inlinable
    public static func random(_ count: Int, draw: UInt64, isAvailable: (Int) -> Bool) -> Int? {
        var available = 0
        for candidate in 0..<count where isAvailable(candidate) { available += 1 }
        guard available > 0 else { return nil }
        var skip = scale(draw, to: available)
        for candidate in 0..<count where isAvailable(candidate) {
            if skip == 0 { return candidate }
            skip -= 1
        }
        return nil
    }

    /// The available candidate with the least load; among equals the first from a drawn position on.
    /// - Parameter load: nil: not available.
    @inlinable
    public static func least(_ count: Int, draw: UInt64, load: (Int) -> Int?) -> Int? {
        guard count > 0 else { return nil }
        var best: Int?
        var bestLoad = Int.max
        var candidate = scale(draw, to: count)
        for _ in 0..<count {
            if let load = load(candidate), load < bestLoad {
                best = candidate
                bestLoad = load
            }
            candidate = candidate + 1 == count ? 0 : candidate + 1
        }
        return best
    }

    /// An evenly distributed number below `bound` out of one over all 64 bits.
    @inlinable
    public static func scale(_ draw: UInt64, to bound: Int) -> Int { Int(draw.multipliedFullWidth(by: UInt64(bound)).high) }
}
