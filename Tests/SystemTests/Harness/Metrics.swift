import Foundation

/// The text of `/metrics`, read.
struct Metrics {
    struct Series {
        let name: String
        let labels: [String: String]
        let value: Double
    }

    let text: String
    let series: [Series]

    init(_ text: String) {
        self.text = text
        series = text.split(separator: "\n").compactMap(Metrics.series)
    }

    /// The sum over the series of that name (without `switchyard_`) that carry all of these labels; 0 when there is none.
    subscript(_ name: String, _ labels: [String: String] = [:]) -> Double {
        series.filter { one in one.name == "switchyard_\(name)" && labels.allSatisfy { one.labels[$0] == $1 } }.map(\.value).reduce(0, +)
    }

    /// Whether the metric is told at all, if only by its TYPE line.
    func knows(_ name: String) -> Bool {
        text.split(separator: "\n").contains { line in
            line.hasPrefix("switchyard_\(name){") || line.hasPrefix("switchyard_\(name) ") || line.hasPrefix("# TYPE switchyard_\(name) ")
        }
    }

    /// `name{key="value",...} number`
    private static func series(_ line: Substring) -> Series? {
        guard !line.hasPrefix("#"), let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else { return nil }
        let head = line[..<space]
        guard let open = head.firstIndex(of: "{") else { return Series(name: String(head), labels: [:], value: value) }
        var labels: [String: String] = [:]
        for pair in head[head.index(after: open)...].dropLast().split(separator: "\",") {
            guard let equals = pair.firstIndex(of: "=") else { continue }
            labels[String(pair[..<equals])] = pair[pair.index(after: equals)...].trimmingCharacters(in: ["\""])
        }
        return Series(name: String(head[..<open]), labels: labels, value: value)
    }
}
