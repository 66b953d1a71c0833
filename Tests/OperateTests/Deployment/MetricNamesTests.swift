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

    /// The table of `docs/metrics.md`: name, labels, kind.
    private static func documented() throws -> [(name: String, labels: [String], kind: String)] {
        try file("docs/metrics.md").matches(of: /(?m)^\| \[`([a-z_]+)`\]\(#[a-z_]+\) \| ([a-z, ]*) ?\| ([a-z]+) \|$/).map { row in
            let labels = row.output.2.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
            return (String(row.output.1), labels, String(row.output.3))
        }
    }

    @Test("The documentation's table has every metric that exists, with its labels and kind, and no other")
    func table() throws {
        let documented = try MetricNamesTests.documented()
        #expect(documented.map(\.name).sorted() == Metric.allCases.map(\.rawValue).sorted())
        for row in documented {
            let metric = try #require(Metric(rawValue: row.name))
            #expect(row.labels == metric.labels, "\(row.name)")
            #expect(row.kind == metric.kind.rawValue, "\(row.name)")
        }
    }

    @Test("Each metric has a section that says what to do when it moves")
    func sections() throws {
        let sections = try MetricNamesTests.file("docs/metrics.md").components(separatedBy: "\n### `").dropFirst()
        #expect(sections.map { String($0.prefix { $0 != "`" }) }.sorted() == Metric.allCases.map(\.rawValue).sorted())
        for section in sections {
            let words = ["*When it ", "*When `", "| what to do |", "| when it moves |"]
            #expect(words.contains { section.contains($0) }, "\(section.prefix(40))")
        }
    }

    /// Names that are promised to those who build on them, with their labels: none of them may go, or lose a label.
    private static let promised = """
        links_open{role,side} links_closed_total{role,side,code} packets_total{role,route,direction} bytes_total{role,direction}
        undelivered_total{role,route,code} security_events_total{role,kind} reconnects_total{role,peer} queue_bytes{role,side}
        multicast_members_total{outcome} build_info{version} calls_total{role,route,outcome} calls_in_flight{role,route} call_seconds{role,route}
        takeovers_total{kind} lane_depth{role} lane_stalls_total{role} ejections_total{route} retries_total{route,why} late_answers_total{role}
        config_version{} config_reloads_total{result} draining{role}
        """

    @Test("Every metric that the configuration's documents promise exists, with those labels")
    func promises() throws {
        let promised = MetricNamesTests.promised.matches(of: /([a-z_]+)\{([a-z,]*)\}/)
        #expect(promised.count == 22)
        for one in promised {
            let metric = try #require(Metric(rawValue: String(one.output.1)), "\(one.output.1)")
            #expect(metric.labels == one.output.2.split(separator: ",").map(String.init), "\(metric)")
        }
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
