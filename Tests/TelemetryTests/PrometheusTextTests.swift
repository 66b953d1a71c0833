import Telemetry
import Testing

/// The exposition format, line by line.
@Suite("Prometheus text")
struct PrometheusTextTests {
    @Test("a block has help, type and samples, labels in the metric's order")
    func block() {
        let text = PrometheusText.render([
            Sample(.packets, "gateway", "games", "in", value: 3), Sample(.packets, "gateway", "games", "out", value: 4),
        ])
        #expect(
            text == """
                # HELP switchyard_packets_total \(Metric.packets.help)
                # TYPE switchyard_packets_total counter
                switchyard_packets_total{role="gateway",route="games",direction="in"} 3
                switchyard_packets_total{role="gateway",route="games",direction="out"} 4

                """)
    }

    @Test("samples of equal labels, from several loops, are one line with their sum")
    func sums() {
        let text = PrometheusText.render([
            Sample(.linksOpen, "gateway", "clients", value: 2), Sample(.linksOpen, "gateway", "route", value: 10),
            Sample(.linksOpen, "gateway", "clients", value: 40), Sample(.linksOpen, "hub", "clients", value: 7),
        ])
        #expect(
            samples(text) == [
                "switchyard_links_open{role=\"gateway\",side=\"clients\"} 42", "switchyard_links_open{role=\"gateway\",side=\"route\"} 10",
                "switchyard_links_open{role=\"hub\",side=\"clients\"} 7",
            ])
    }

    @Test("the age of the oldest is the oldest of all loops, not their sum")
    func largest() {
        let text = PrometheusText.render([
            Sample(.oldestPending, "rpcProxy", "main", value: 70), Sample(.oldestPending, "rpcProxy", "main", value: 300),
            Sample(.oldestPending, "rpcProxy", "main", value: 0), Sample(.oldestPending, "rpcHub", "callers", value: 5),
        ])
        #expect(
            samples(text) == [
                "switchyard_oldest_pending_milliseconds{role=\"rpcProxy\",route=\"main\"} 300",
                "switchyard_oldest_pending_milliseconds{role=\"rpcHub\",route=\"callers\"} 5",
            ])
    }

    @Test("a time is counted under the first bound that it does not exceed")
    func bounds() {
        for (place, bound) in Distribution.bounds.enumerated() {
            for (microseconds, bucket) in [(bound, place), (bound + 1, place + 1), (bound - 1, place)] {
                var times = Distribution()
                times.add(nanoseconds: Int64(microseconds) * 1000)
                #expect(times.counts.firstIndex(of: 1) == bucket && times.count == 1, "\(microseconds) us")
            }
        }
        var none = Distribution()
        none.add(nanoseconds: 0)
        #expect(none.counts[0] == 1)
    }

    @Test("counters and histograms of what is gone are kept by their labels, gauges are not")
    func past() {
        var times = Distribution()
        times.add(nanoseconds: 1_000_000)
        var past = PastSamples()
        for _ in 0..<2 {
            past.add([
                Sample(.calls, "rpcProxy", "main", "ok", value: 3), Sample(.calls, "rpcProxy", "main", "lost", value: 1),
                Sample(.callsInFlight, "rpcProxy", "main", value: 9), Sample(.callSeconds, "rpcProxy", "main", distribution: times),
            ])
        }
        let kept = past.samples
        #expect(kept.count == 3)
        #expect(kept.first { $0.labels.contains("ok") }?.value == 6)
        #expect(kept.first { $0.labels.contains("lost") }?.value == 2)
        #expect(kept.first { $0.metric == .callSeconds }?.distribution?.count == 2)
    }

    @Test("each metric is one block, however its samples were mixed")
    func grouped() {
        let text = PrometheusText.render([
            Sample(.linksOpen, "a", "b", value: 1), Sample(.buildInfo, "1.0", value: 1), Sample(.linksOpen, "c", "d", value: 1),
        ])
        let lines = text.split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("# TYPE") } == 2 && lines.count { $0.hasPrefix("# HELP") } == 2)
        let positions = lines.indices.filter { lines[$0].hasPrefix("switchyard_links_open{") }
        #expect(positions == [2, 3])
        #expect(lines[1] == "# TYPE switchyard_links_open gauge")
    }

    @Test(
        "backslash, quote and line feed are escaped",
        arguments: [
            ("a\\b", "a\\\\b"), ("a\"b", "a\\\"b"), ("a\nb", "a\\nb"), ("\\\n\"", "\\\\\\n\\\""), ("\\n", "\\\\n"), ("häuser", "häuser"),
            ("\"\u{301}", "\\\"\u{301}"),
        ])
    func escaping(value: String, escaped: String) {
        #expect(samples(PrometheusText.render([Sample(.buildInfo, value, value: 1)])) == ["switchyard_build_info{version=\"\(escaped)\"} 1"])
    }

    @Test("a carriage return and line feed together do not break a line either")
    func windowsNewline() {
        let text = PrometheusText.render([Sample(.buildInfo, "a\r\nb", value: 1)])
        #expect(text.utf8.count { $0 == UInt8(ascii: "\n") } == 3)
    }

    @Test("nothing in, nothing out; negative and large numbers are themselves")
    func extremes() {
        #expect(PrometheusText.render([]).isEmpty)
        let text = PrometheusText.render([Sample(.queueBytes, "a", "b", value: -5), Sample(.queueBytes, "a", "c", value: .max)])
        #expect(samples(text).map { $0.split(separator: " ").last } == ["-5", "9223372036854775807"])
        #expect(PrometheusText.contentType == "text/plain; version=0.0.4; charset=utf-8")
    }

    private func samples(_ text: String) -> [String] { text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init) }
}
