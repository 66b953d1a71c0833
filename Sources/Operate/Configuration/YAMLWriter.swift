/// Writes block-style YAML line by line.
struct YAMLWriter {
    private(set) var document = ""
    private var depth = 0
    /// The next line starts an item of a list.
    private var startsItem = false

    /// A number, a truth value, or a word of our own.
    mutating func plain(_ key: String, _ value: some CustomStringConvertible) { line("\(key): \(value)") }
    /// Someone else's words.
    mutating func text(_ key: String, _ value: String) { line("\(key): \(Self.quoteIfNeeded(value))") }
    mutating func list(_ key: String, _ values: [String]) { line("\(key): [\(values.map(Self.quoteIfNeeded).joined(separator: ", "))]") }

    mutating func section(_ key: String, _ body: (inout YAMLWriter) -> Void) {
        line("\(key):")
        depth += 1
        body(&self)
        depth -= 1
    }

    /// A list of sections, none of which may be empty.
    mutating func sections<Item>(_ key: String, _ items: [Item], _ body: (inout YAMLWriter, Item) -> Void) {
        guard !items.isEmpty else { return line("\(key): []") }
        line("\(key):")
        depth += 2
        for item in items {
            startsItem = true
            body(&self, item)
        }
        depth -= 2
    }

    private mutating func line(_ content: String) {
        let indent = String(repeating: "  ", count: startsItem ? depth - 1 : depth)
        document += "\(indent)\(startsItem ? "- " : "")\(content)\n"
        startsItem = false
    }

    /// Without quotes only where every YAML reader takes it for the same text, between brackets too.
    static func quoteIfNeeded(_ text: String) -> String {
        let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
        let letters = text.unicodeScalars.allSatisfy { $0.isASCII && ($0.properties.isAlphabetic || "0123456789._-/:".unicodeScalars.contains($0)) }
        let starts = text.unicodeScalars.first.map { $0 != "-" && $0 != ":" && $0 != "." } ?? false
        if letters, starts, !text.hasSuffix(":"), !words.contains(text.lowercased()) { return text }
        return "'\(text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''"))'"
    }
}
