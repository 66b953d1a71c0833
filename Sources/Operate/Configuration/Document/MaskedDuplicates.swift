import Yams

/// Gets the YAML parser past duplicate keys, which it refuses one at a time and without saying where the second one stands.
///
/// The first letter of the earlier key is exchanged for a private-use character, so every position stays what it was; ``original(_:)`` undoes
/// it, and the reader of the section sees the key twice and reports it together with all other errors.
struct MaskedDuplicates {
    private(set) var text: String
    private var originals: [String: String] = [:]

    init(text: String) { self.text = text }

    /// Masks the key at that position; false if it does not stand there literally, or there are too many.
    mutating func mask(_ key: String, at mark: Mark) -> Bool {
        guard let first = key.unicodeScalars.first, originals.count < 256,
            let mask = Unicode.Scalar(0xE000 + UInt32(originals.count)), var index = text.unicodeScalars.index(line: mark.line, column: mark.column)
        else { return false }
        var scalars = text.unicodeScalars
        if scalars[index] == "\"" || scalars[index] == "'" { index = scalars.index(after: index) }
        guard index < scalars.endIndex, scalars[index] == first else { return false }
        scalars.replaceSubrange(index...index, with: CollectionOfOne(mask))
        text = String(scalars)
        originals[String(mask) + String(String.UnicodeScalarView(key.unicodeScalars.dropFirst()))] = key
        return true
    }

    func original(_ key: String) -> String { originals[key] ?? key }
}

extension String.UnicodeScalarView {
    /// The scalar at a position as YAML counts it: from 1, in Unicode scalars, CR LF being one line break.
    fileprivate func index(line: Int, column: Int) -> Index? {
        guard column >= 1 else { return nil }
        var index = startIndex
        var current = 1
        while current < line {
            guard index < endIndex else { return nil }
            let scalar = self[index]
            index = self.index(after: index)
            if scalar == "\r", index < endIndex, self[index] == "\n" { index = self.index(after: index) }
            if ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains(scalar) { current += 1 }
        }
        guard let found = self.index(index, offsetBy: column - 1, limitedBy: endIndex), found < endIndex else { return nil }
        return found
    }
}
