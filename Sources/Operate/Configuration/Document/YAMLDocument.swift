import Yams

/// Turns the text of a configuration file into a ``Value``.
enum YAMLDocument {
    /// Why a text is not a document.
    struct SyntaxError: Error {
        var line: Int
        var column: Int
        var message: String
    }

    /// Values in one document. Aliases are expanded, so a few lines could otherwise fill the memory.
    static let maxValues = 100_000

    /// An empty text is an empty section.
    static func parse(_ text: String) throws(SyntaxError) -> Value {
        // The parser is told the encoding, and then takes a byte order mark for the first letter.
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        var masked = MaskedDuplicates(text: text)
        var root: Node?
        while true {
            do {
                root = try Yams.compose(yaml: masked.text)
                break
            } catch {
                guard case YamlError.duplicatedKeysInMapping(let names, let context) = error, let name = names.first,
                    masked.mask(name, at: context.mark)
                else { throw syntaxError(error, in: text) }
            }
        }
        guard let root else { return .section(at: .file(line: 1, column: 1)) }
        var budget = maxValues
        return try value(of: root, masked: masked, budget: &budget)
    }

    private static func value(of node: Node, masked: MaskedDuplicates, budget: inout Int) throws(SyntaxError) -> Value {
        // The parser marks every node; the fallback only satisfies the type.
        let (line, column) = node.mark.map { ($0.line, $0.column) } ?? (1, 1)
        let place = Place.file(line: line, column: column)
        budget -= 1
        guard budget > 0 else {
            throw SyntaxError(line: line, column: column, message: "over \(maxValues) values; aliases count as what they stand for")
        }
        switch node {
        case .scalar(let scalar):
            let value = Value.Scalar(text: scalar.string, isPlain: scalar.style == .plain)
            return Value(content: value.isNull ? .absent : .scalar(value), place: place)
        case .sequence(let sequence):
            var items: [Value] = []
            for item in sequence { items.append(try self.value(of: item, masked: masked, budget: &budget)) }
            return Value(content: .list(items), place: place)
        case .mapping(let mapping):
            var entries: [Value.Entry] = []
            for (key, node) in mapping {
                let (line, column) = key.mark.map { ($0.line, $0.column) } ?? (line, column)
                guard case .scalar(let name) = key else {
                    throw SyntaxError(line: line, column: column, message: "a key must be a single word, not a list or a section")
                }
                let value = try self.value(of: node, masked: masked, budget: &budget)
                entries.append(Value.Entry(key: masked.original(name.string), place: .file(line: line, column: column), value: value))
            }
            return .section(entries, at: place)
        case .alias:
            throw SyntaxError(line: line, column: column, message: "an alias that stands for nothing")
        }
    }

    private static func syntaxError(_ error: any Error, in text: String) -> SyntaxError {
        guard let error = error as? YamlError else { return SyntaxError(line: 1, column: 1, message: "not YAML: \(error)") }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _):
            let during = context.map { " (\($0.text) at line \($0.mark.line))" } ?? ""
            let hint = addressHint(in: text, upTo: mark.line)
            return SyntaxError(line: mark.line, column: mark.column, message: "not YAML: \(problem)\(during)\(hint)")
        case .composer(_, let problem, let mark, _):
            return SyntaxError(line: mark.line, column: mark.column, message: "not YAML: \(problem)")
        case .duplicatedKeysInMapping(let names, let context):
            return SyntaxError(line: context.mark.line, column: context.mark.column, message: "\(names.joined(separator: ", ")): duplicate key")
        case .reader(let problem, let offset, _, _):
            let before = text.prefix(offset ?? 0)
            let column = before.reversed().prefix { !$0.isNewline }.count + 1
            return SyntaxError(line: before.count { $0.isNewline } + 1, column: column, message: "not YAML: \(problem)")
        default:
            return SyntaxError(line: 1, column: 1, message: "not YAML: \(error)")
        }
    }

    /// `[::1]:7000` without quotes starts a YAML list: the likeliest mistake, and one that the parser cannot name.
    private static func addressHint(in text: String, upTo line: Int) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).prefix(line).suffix(2)
        return lines.contains { $0.contains("]:") } ? "; an IPv6 address needs quotes: '[::1]:7000'" : ""
    }
}
