/// Application bytes for people: text when it is text, else rows of hex.
package enum BodyText {
    private static let rowSize = 32

    /// The bytes as text when they are UTF-8 without control characters other than line ends and tabs; nil when they are not.
    package static func text(_ bytes: some Collection<UInt8>) -> String? {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        return text.unicodeScalars.allSatisfy(isReadable) ? text : nil
    }

    /// A terminal must not be steered by what a peer sent.
    private static func isReadable(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "\n" || scalar == "\r" || scalar == "\t" || scalar.properties.generalCategory != .control
    }

    /// A quoted line of text with its line ends escaped, or rows of hex; `(empty)` for no bytes.
    static func lines(of bytes: some Collection<UInt8>) -> [String] {
        if bytes.isEmpty { return ["(empty)"] }
        if let text = text(bytes) {
            let escaped = text.unicodeScalars.map { scalar in
                switch scalar {
                case "\n": "\\n"
                case "\r": "\\r"
                case "\t": "\\t"
                case "\"": "\\\""
                case "\\": "\\\\"
                default: String(Character(scalar))
                }
            }
            return ["\"\(escaped.joined())\""]
        }
        var rows: [String] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            rows.append(HexText.text(rest.prefix(rowSize)))
            rest = rest.dropFirst(rowSize)
        }
        return rows
    }
}
