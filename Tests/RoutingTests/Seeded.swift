import Testing

/// Random numbers that are the same in every run (SplitMix64), so that a failure can be seen again.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var x = state
        x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
        x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
        return x ^ (x >> 31)
    }

}

/// `#require` for what a mutating method returns.
func need<T>(_ value: T?) throws -> T { try #require(value) }
/// `#expect` for what a mutating method returns.
func expect(_ value: Bool, _ comment: Comment? = nil, at place: SourceLocation = #_sourceLocation) { #expect(value, comment, sourceLocation: place) }
