/// Collects every error and warning of one load, and tells them in file order.
final class Report {
    private struct Remark {
        var place: Place
        /// The dotted path of the key.
        var path: String
        var message: String
    }

    private let file: String
    private var errors: [Remark] = []
    private var warnings: [Remark] = []

    init(file: String) { self.file = file }

    func error(at place: Place, path: String, _ message: String) { errors.append(Remark(place: place, path: path, message: message)) }
    func warning(at place: Place, path: String, _ message: String) { warnings.append(Remark(place: place, path: path, message: message)) }

    var errorLines: [String] { lines(errors) }
    var warningLines: [String] { lines(warnings) }

    private func lines(_ remarks: [Remark]) -> [String] {
        // Sorting by place and then by time keeps the order of several remarks about one place.
        remarks.enumerated().sorted { ($0.element.place, $0.offset) < ($1.element.place, $1.offset) }.map { line($0.element) }
    }

    private func line(_ remark: Remark) -> String {
        switch remark.place {
        case .file(let line, let column): "\(file):\(line):\(column): \(remark.path.isEmpty ? "" : "\(remark.path): ")\(remark.message)"
        case .override(_, remark.path): "--set \(remark.path): \(remark.message)"
        case .override(_, let path): "--set \(path): \(remark.path.isEmpty ? "" : "\(remark.path): ")\(remark.message)"
        }
    }
}

extension String {
    /// In quotes, for messages; line breaks and other control characters are shown as escapes, so that a message stays one line.
    var quoted: String { debugDescription }
}
