import Foundation
import Telemetry
import Testing

/// The Grafana dashboard and the alert rules name metrics; these tests keep the names true.
@Suite("Deployment files: dashboards and alerts name what exists")
struct MetricNamesTests {
    private static func file(_ name: String) throws -> String {
        var folder = URL(fileURLWithPath: #filePath)
        while folder.lastPathComponent != "Tests" { folder.deleteLastPathComponent() }
        return try String(contentsOf: folder.deletingLastPathComponent().appendingPathComponent(name), encoding: .utf8)
    }

    private static let files = ["deploy/grafana-dashboard.json", "deploy/alerts.yaml"]

    /// Name and the text between the braces behind it, of each metric that the text names.
    private static func uses(in text: String) -> [(name: String, filter: String)] {
        text.matches(of: /switchyard_([a-z_]+)(?:\\?\{([^}]*)\})?/).map { (String($0.output.1), $0.output.2.map(String.init) ?? "") }
    }

    /// The metric of a series' name; a histogram's series have a suffix.
    private static func metric(_ name: String) -> Metric? {
        if let metric = Metric(rawValue: name) { return metric }
        for suffix in ["_bucket", "_sum", "_count"] where name.hasSuffix(suffix) { return Metric(rawValue: String(name.dropLast(suffix.count))) }
        return nil
    }

    @Test("Every metric that they name exists, with every label that they filter by", arguments: files)
    func names(path: String) throws {
        let uses = MetricNamesTests.uses(in: try MetricNamesTests.file(path))
        #expect(uses.count > 10)
        for use in uses {
            let metric = try #require(MetricNamesTests.metric(use.name), "\(path): switchyard_\(use.name)")
            let own = Set(metric.labels + ["instance", "job", "le"])
            for label in use.filter.matches(of: /([a-z_]+)\s*(?:=|!=|=~|!~)\s*\\?"/).map({ String($0.output.1) }) {
                #expect(own.contains(label), "\(path): switchyard_\(use.name) has no label \(label)")
            }
        }
    }

    @Test("Labels that they sum by belong to a metric of the same expression", arguments: files)
    func groups(path: String) throws {
        var found = 0
        for line in try MetricNamesTests.file(path).split(separator: "\n") {
            for group in line.matches(of: /by \(([^)]*)\) \(([^)]*)\)/) {
                found += 1
                let labels = group.output.1.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
                let known = MetricNamesTests.uses(in: String(group.output.2)).compactMap { MetricNamesTests.metric($0.name) }.flatMap(\.labels)
                for label in labels where label != "instance" { #expect(known.contains(label), "\(path): \(line): \(label)") }
            }
        }
        #expect(found > 5)
    }

    @Test("The dashboard is JSON, and its panels do not overlap")
    func layout() throws {
        let data = Data(try MetricNamesTests.file("deploy/grafana-dashboard.json").utf8)
        let dashboard = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let panels = try #require(dashboard["panels"] as? [[String: Any]])
        #expect(panels.count > 15)
        var taken = Set<[Int]>()
        for panel in panels {
            let place = try #require(panel["gridPos"] as? [String: Int])
            let (x, y, w, h) = (place["x", default: -1], place["y", default: -1], place["w", default: 0], place["h", default: 0])
            #expect(x >= 0 && x + w <= 24 && w > 0 && h > 0)
            for column in x..<(x + w) { for row in y..<(y + h) { #expect(taken.insert([column, row]).inserted, "\(panel["title"] ?? "")") } }
        }
    }
}
