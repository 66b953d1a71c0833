import Links

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
    private var listeners: [(address: Endpoint, place: Place, path: String)] = []

    init(file: String) { self.file = file }

    func error(at place: Place, path: String, _ message: String) { errors.append(Remark(place: place, path: path, message: message)) }
    func warning(at place: Place, path: String, _ message: String) { warnings.append(Remark(place: place, path: path, message: message)) }

    /// Something listens there, as the key at that place says.
    func listens(_ address: Endpoint, at place: Place, path: String) { listeners.append((address, place, path)) }

    /// An address that two listeners have is an error of the one that stands further down.
    func checkListeners() {
        var first: [Endpoint: String] = [:]
        // With port 0 each of two listeners gets a port of its own.
        for (address, place, path) in listeners.sorted(by: { $0.place < $1.place }) where !address.asksForAnyPort {
            if let earlier = first[address] {
                error(at: place, path: path, "\(address) is \(earlier) too; two listeners cannot share an address")
            } else {
                first[address] = path
            }
        }
    }

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

extension Endpoint {
    /// The system chooses the port.
    fileprivate var asksForAnyPort: Bool {
        if case .host(_, port: 0) = self { true } else { false }
    }
}

extension String {
    /// In quotes, for messages; line breaks and other control characters are shown as escapes, so that a message stays one line.
    var quoted: String { debugDescription }
}
