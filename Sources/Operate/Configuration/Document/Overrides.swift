/// `--set gateway.listen=127.0.0.1:7000`: one scalar under maps, by its dotted path.
struct Override {
    var path: [String]
    var scalar: Value.Scalar
    var place: Place

    /// Reads `PATH=VALUE`. The value is a YAML scalar: quotes around it are taken off and make it text.
    init?(_ text: String, number: Int, report: Report) {
        let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(sides.first ?? "")
        place = .override(number: number, path: name)
        path = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard sides.count == 2, !path.contains("") else {
            report.error(at: place, path: name, "needs a path and a value, as in --set gateway.listen=127.0.0.1:7000")
            return nil
        }
        let value = String(sides[1])
        scalar = Value.Scalar(text: value, isPlain: true)
        // Only quotes need the parser; everything else is taken as it stands, which spares an IPv6 address its quotes.
        guard value.hasPrefix("'") || value.hasPrefix("\"") else { return }
        guard let parsed = try? YAMLDocument.parse(value), case .scalar(let quoted) = parsed.content else {
            report.error(at: place, path: name, "\(value) is not a YAML scalar")
            return nil
        }
        scalar = quoted
    }

    /// Writes the value into the document, making sections on the way. What is not a key is found by whoever reads the section.
    func apply(to document: inout Value, report: Report) {
        set(path[...], in: &document, report: report)
    }

    private func set(_ rest: ArraySlice<String>, in value: inout Value, report: Report) {
        let done = path.dropLast(rest.count).joined(separator: ".")
        guard let key = rest.first else {
            switch value.content {
            case .absent, .scalar: value = Value(content: scalar.isNull ? .absent : .scalar(scalar), place: place)
            case .list: report.error(at: place, path: done, "is a list; lists can only be changed in the file")
            case .section: report.error(at: place, path: done, "is a section; set one of its keys")
            }
            return
        }
        var entries: [Value.Entry]
        switch value.content {
        case .section(let existing): entries = existing
        case .absent: entries = []
        case .scalar: return report.error(at: place, path: done, "is a single value and has no key \(key.quoted)")
        case .list: return report.error(at: place, path: done, "is a list; lists can only be changed in the file")
        }
        let index = entries.firstIndex { $0.key == key } ?? entries.endIndex
        if index == entries.endIndex { entries.append(Value.Entry(key: key, place: place, value: Value(content: .absent, place: place))) }
        set(rest.dropFirst(), in: &entries[index].value, report: report)
        value.content = .section(entries)
    }
}
