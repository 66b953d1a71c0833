import Telemetry
import Testing

/// The table of metric names.
@Suite("Metrics")
struct MetricTests {
    @Test("every metric has a name of its own, a sentence of help and labels of its own")
    func complete() {
        #expect(Set(Metric.allCases.map(\.name)).count == Metric.allCases.count)
        for metric in Metric.allCases {
            #expect(metric.name == "switchyard_" + metric.rawValue)
            #expect(isName(metric.name), "\(metric.name)")
            #expect(metric.help.hasSuffix(".") && !metric.help.contains("\n") && !metric.help.contains("\\"), "\(metric.name)")
            #expect(Set(metric.labels).count == metric.labels.count, "\(metric.name)")
            #expect(metric.labels.allSatisfy(isName), "\(metric.name)")
        }
    }

    @Test("counters end in _total, gauges do not")
    func kinds() {
        for metric in Metric.allCases { #expect((metric.kind == .counter) == metric.rawValue.hasSuffix("_total"), "\(metric.name)") }
    }

    @Test(
        "the documented names and labels exist",
        arguments: [
            ("links_open", ["role", "side"]), ("links_closed_total", ["role", "side", "code"]), ("packets_total", ["role", "route", "direction"]),
            ("bytes_total", ["role", "direction"]), ("undelivered_total", ["role", "route", "code"]),
            ("security_events_total", ["role", "kind"]), ("reconnects_total", ["role", "peer"]), ("queue_bytes", ["role", "side"]),
            ("multicast_members_total", ["outcome"]), ("build_info", ["version"]),
        ])
    func documented(name: String, labels: [String]) throws {
        let metric = try #require(Metric(rawValue: name))
        #expect(metric.labels == labels)
    }

    @Test("the documented label values exist")
    func values() {
        #expect(SecurityKind.allCases.map(\.name) == ["identity", "cluster", "credential", "kind", "answer", "token"])
        #expect(
            Side.allCases.map(\.rawValue) == ["clients", "route", "hub", "edges", "services", "callers", "agents", "thrift", "upstream"])
        #expect(Direction.in.rawValue == "in" && Direction.out.rawValue == "out")
        #expect(SecurityKind.allCases.map(\.rawValue) == Array(0..<SecurityKind.allCases.count))
    }

    private func isName(_ text: String) -> Bool {
        text.allSatisfy { $0 == "_" || ($0.isASCII && ($0.isLowercase || $0.isNumber)) } && text.first?.isNumber == false
    }
}
