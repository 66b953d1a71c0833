import Operate
import Testing

@Suite("Configuration: texts nobody meant")
struct HostileDocumentTests {
    /// SplitMix64, so that a failure can be repeated.
    private struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    @Test("S27: whatever a text is damaged into, it loads or says where it is wrong", arguments: 0..<200 as Range<UInt64>)
    func damaged(seed: UInt64) {
        var random = Random(state: seed)
        var scalars = Array(Documents.full.unicodeScalars)
        let odd: [Unicode.Scalar] = [
            "\n", "\t", " ", ":", "-", "[", "{", "}", "]", "&", "*", "!", "'", "\"", "?", "|", ">", "%", "\u{0}", "\u{E000}", "\u{FEFF}", "\u{1F600}",
        ]
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let at = Int.random(in: scalars.indices, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: scalars.remove(at: at)
            case 1: scalars.insert(odd.randomElement(using: &random) ?? ":", at: at)
            case 2: scalars.insert(contentsOf: scalars[at..<min(at + 40, scalars.count)], at: Int.random(in: scalars.indices, using: &random))
            default: scalars.removeSubrange(at..<min(at + 60, scalars.count))
            }
        }
        let text = String(String.UnicodeScalarView(scalars))
        for line in configurationErrors(text, environment: Documents.tokens) {
            #expect(line.wholeMatch(of: /edge\.yaml:[1-9][0-9]*:[1-9][0-9]*: [^\n]+/) != nil, "\(line)")
        }
    }

    @Test("S27: nesting deeper than anyone writes", arguments: ["[", "{ a: ", "- "])
    func nested(opening: String) {
        #expect(configurationErrors(String(repeating: opening, count: 900)).count == 1)
        #expect(configurationErrors(String(repeating: opening, count: 100_000)).count == 1)
    }
}
