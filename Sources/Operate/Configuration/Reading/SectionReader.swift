/// Reads one section key by key. A key that is asked for is known, so what was never asked for is reported when the section has been read.
///
/// Every accessor reports what is wrong with a value and then goes on with its default, so that one load finds every error.
final class SectionReader {
    /// The dotted path; empty for the document itself.
    let path: String
    /// Of the key that the section stands under.
    let place: Place
    let report: Report
    let secrets: SecretSource
    private let entries: [Value.Entry]
    private var known: [String] = []

    /// Use ``read(_:path:place:report:secrets:body:)``.
    private init(entries: [Value.Entry], path: String, place: Place, report: Report, secrets: SecretSource) {
        self.entries = entries
        self.path = path
        self.place = place
        self.report = report
        self.secrets = secrets
    }

    /// Lets `body` read a value as a section, then reports the keys that it did not ask for; nil, and reported, if it is not a section.
    static func read<T>(
        _ value: Value, path: String, place: Place, report: Report, secrets: SecretSource, body: (SectionReader) -> T
    ) -> T? {
        let entries: [Value.Entry]
        switch value.content {
        case .section(let written): entries = written
        case .absent: entries = []  // A section whose every line is commented out.
        case .scalar, .list:
            report.error(at: value.place, path: path, "needs a section of keys, not \(value.kind)")
            return nil
        }
        let reader = SectionReader(entries: entries, path: path, place: place, report: report, secrets: secrets)
        let result = body(reader)
        reader.reportUnread()
        return result
    }

    private func reportUnread() {
        var first: [String: Place] = [:]
        for entry in entries {
            if let earlier = first[entry.key] {
                let hint = if case .file(let line, _) = earlier { "; it stands in line \(line) too" } else { "" }
                report.error(at: entry.place, path: path(of: entry.key), "duplicate key\(hint)")
                continue
            }
            first[entry.key] = entry.place
            guard !known.contains(entry.key) else { continue }
            let hint = entry.key.nearest(in: known).map { "did you mean `\($0)`?" } ?? "known here: \(known.joined(separator: ", "))"
            report.error(at: entry.place, path: path(of: entry.key), "unknown key; \(hint)")
        }
    }

    func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The entry of a key, which is known from here on.
    func entry(_ key: String) -> Value.Entry? {
        if !known.contains(key) { known.append(key) }
        return entries.first { $0.key == key }
    }

    func has(_ key: String) -> Bool { entry(key) != nil }

    /// Reports at a key's value, or at the section where the key is absent.
    func fail(_ key: String, _ message: String) { report.error(at: entry(key)?.value.place ?? place, path: path(of: key), message) }
    func warn(_ key: String, _ message: String) { report.warning(at: entry(key)?.value.place ?? place, path: path(of: key), message) }
    /// Reports at a key itself, where the key and not its value is the mistake.
    func refuse(_ key: String, _ message: String) {
        if let entry = entry(key) { report.error(at: entry.place, path: path(of: key), message) }
    }

    // MARK: Values

    /// A single value, or nil if it is absent or wrong.
    func optional<T>(_ key: String, _ grammar: Grammar<T>) -> T? {
        entry(key).flatMap { parse($0.value, path: path(of: key), grammar) }
    }

    func value<T>(_ key: String, _ grammar: Grammar<T>, default fallback: T) -> T { optional(key, grammar) ?? fallback }

    /// A value that may be the word `unlimited`, which is nil.
    func limit<T>(_ key: String, _ grammar: Grammar<T>, default fallback: T?) -> T? { optional(key, grammar.orUnlimited) ?? fallback }

    /// A value without a default; nil, and reported, if it is absent.
    func required<T>(_ key: String, _ grammar: Grammar<T>) -> T? {
        guard has(key) else {
            fail(key, "is missing; needs \(grammar.expected)")
            return nil
        }
        return optional(key, grammar)
    }

    /// A list of single values with their places; nil if it is absent or no list.
    func list<T>(_ key: String, _ grammar: Grammar<T>, orSingle: Bool = false, mayBeEmpty: Bool = false) -> [(element: T, place: Place)]? {
        guard let value = entry(key)?.value else { return nil }
        var items: [Value]
        switch value.content {
        case .list(let written): items = written
        case .absent: items = []
        case .scalar where orSingle: items = [value]
        case .scalar, .section:
            fail(key, "needs a list, not \(value.kind): [\(grammar.expected), ...]")
            return nil
        }
        if items.isEmpty, !mayBeEmpty { fail(key, "is empty; needs at least one: [\(grammar.expected), ...]") }
        return items.compactMap { item in parse(item, path: path(of: key), grammar).map { ($0, item.place) } }
    }

    private func parse<T>(_ value: Value, path: String, _ grammar: Grammar<T>) -> T? {
        switch value.content {
        case .scalar(let scalar):
            do throws(Misfit) {
                return try grammar.parse(scalar)
            } catch {
                report.error(at: value.place, path: path, error.message)
            }
        case .absent: report.error(at: value.place, path: path, "has no value; needs \(grammar.expected)")
        case .list, .section: report.error(at: value.place, path: path, "needs \(grammar.expected), not \(value.kind)")
        }
        return nil
    }

    // MARK: Sections

    /// A section under this one; nil if it is absent or no section.
    func section<T>(_ key: String, _ body: (SectionReader) -> T) -> T? {
        guard let entry = entry(key) else { return nil }
        return SectionReader.read(entry.value, path: path(of: key), place: entry.place, report: report, secrets: secrets, body: body)
    }

    /// A list of sections; empty if it is absent.
    func sections<T>(_ key: String, _ body: (SectionReader) -> T) -> [T] {
        guard let value = entry(key)?.value else { return [] }
        switch value.content {
        case .absent: return []
        case .list(let items):
            return items.enumerated().compactMap { index, item in
                SectionReader.read(item, path: "\(path(of: key))[\(index)]", place: item.place, report: report, secrets: secrets, body: body)
            }
        case .scalar, .section:
            fail(key, "needs a list of sections, not \(value.kind)")
            return []
        }
    }
}
