/// The number of a client connection (rule S9): never 0, never used again in the process's life, not to be guessed.
///
/// | bits    | part | meaning                                              |
/// |---------|------|------------------------------------------------------|
/// | 63 - 58 | loop | the event loop that owns the client                  |
/// | 57 - 34 | slot | its place in that loop's table, from 1               |
/// | 33 - 0  | tag  | differs for every user of the slot                   |
///
/// Opaque to everyone but the process that gave it. The table stores the whole number and compares it, so a stale or invented one finds nothing.
public enum SessionID {
    /// The most event loops, and the most clients of one loop.
    public static let maxLoops = 1 << 6
    @inlinable public static var maxSlots: Int { 1 << 24 }
    @inlinable public static var tagBits: UInt64 { 34 }

    package static func make(loop: Int, slot: Int, tag: UInt64) -> UInt64 { UInt64(loop) << 58 | UInt64(slot) << tagBits | tag }

    @inlinable @inline(__always) public static func loop(of session: UInt64) -> Int { Int(session >> 58) }
    @inlinable @inline(__always) public static func slot(of session: UInt64) -> Int { Int(session >> tagBits) & (maxSlots - 1) }
}

/// Tags: a keyed permutation of a counter, so that none repeats and none tells the next.
///
/// A Feistel network over two halves of 17 bits, whose round function is the standard library's keyed SipHash under a random key of
/// this process. Computed once for each connection, never for a packet.
package struct TagSequence {
    private static let half: UInt64 = (1 << 17) - 1
    private static let rounds = 8
    private let key: (UInt64, UInt64)
    private var counter: UInt64 = 0

    package init(key: (UInt64, UInt64)) { self.key = key }

    /// The next tag; the sequence repeats after 2^34.
    package mutating func next() -> UInt64 {
        counter &+= 1
        var left = counter >> 17 & TagSequence.half
        var right = counter & TagSequence.half
        for round in 0..<TagSequence.rounds {
            var hasher = Hasher()
            hasher.combine(key.0)
            hasher.combine(key.1)
            hasher.combine(round)
            hasher.combine(right)
            (left, right) = (right, left ^ UInt64(truncatingIfNeeded: hasher.finalize()) & TagSequence.half)
        }
        return left << 17 | right
    }
}
