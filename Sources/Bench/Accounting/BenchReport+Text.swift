#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension BenchReport {
    /// The report as a person reads it: one fact a line, no newline at the end.
    package var text: String {
        var lines = [title, ""]
        func add(_ name: String, _ value: String) {
            lines.append("  \(name)\(String(repeating: " ", count: max(1, 14 - name.count)))\(value)")
        }
        add("\(unit)/s", grouped(UInt64(perSecond)))
        add("sent", grouped(sent))
        add("received", grouped(received))
        add("undelivered", undelivered.isEmpty ? "0" : BenchReport.list(undelivered))
        if !rejected.isEmpty { add("rejected", BenchReport.list(rejected)) }
        add("unanswered", grouped(unanswered))
        if unsent > 0 { add("unsent", grouped(unsent)) }
        add("errors", errors == 0 ? "0" : "\(errors) (\(firstError ?? "closed"))")
        if outOfOrder > 0 { add("out of order", grouped(outOfOrder)) }
        if ignored > 0 { add("ignored", "\(grouped(ignored)) \(unit) that answer no request") }
        if let latency = latencyMicroseconds {
            let values = [("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99), ("p99.9", latency.p999), ("max", latency.max)]
            add("latency (us)", values.map { "\($0.0) \(fixed($0.1, 1))" }.joined(separator: "  "))
        }
        if let delay = longestSendDelayMicroseconds { add("sent late (us)", "at most \(fixed(delay, 1))") }
        return lines.joined(separator: "\n")
    }

    private var title: String {
        var load = ""
        if let window { load = "\(window) in flight on each" }
        if let rate { load = "\(grouped(UInt64(rate))) \(unit)/s" }
        let end = interrupted ? "interrupted after \(fixed(seconds, 1)) s" : "\(fixed(seconds, 1)) s"
        return "\(target): \(connections) connections, \(load), bodies of \(size) bytes, \(end)"
    }

    /// One JSON object, keys sorted.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}

/// `1234567` as `1,234,567`.
func grouped(_ value: UInt64) -> String {
    var text = ""
    for (index, digit) in String(value).reversed().enumerated() {
        if index > 0, index % 3 == 0 { text.append(",") }
        text.append(digit)
    }
    return String(text.reversed())
}

/// A value with 0 or 1 decimals.
func fixed(_ value: Double, _ decimals: Int) -> String {
    guard decimals > 0 else { return String(UInt64(max(0, value.rounded()))) }
    let tenths = UInt64(max(0, (value * 10).rounded()))
    return "\(tenths / 10).\(tenths % 10)"
}
