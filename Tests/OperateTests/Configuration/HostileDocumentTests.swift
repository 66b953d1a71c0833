import Operate
import TestSupport
import Testing

@Suite("Configuration: texts nobody meant")
struct HostileDocumentTests {
    @Test("S27: whatever a text is damaged into, it loads or says where it is wrong", arguments: 0..<200 as Range<UInt64>)
    func damaged(seed: UInt64) {
        var random = Seeded(seed)
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
