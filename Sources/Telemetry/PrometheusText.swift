/// Samples in the Prometheus text exposition format 0.0.4.
public enum PrometheusText {
    /// The value of `Content-Type`.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// One block for each metric: help, type, samples. Samples with equal labels are added up.
    public static func render(_ samples: [Sample]) -> String {
        var byMetric: [Metric: [Sample]] = [:]
        for sample in samples { byMetric[sample.metric, default: []].append(sample) }
        var text = ""
        for metric in Metric.allCases {
            guard let samples = byMetric[metric] else { continue }
            text += "# HELP \(metric.name) \(metric.help)\n# TYPE \(metric.name) \(metric.kind.rawValue)\n"
            for (labels, value) in summed(samples) { text += "\(metric.name)\(braces(metric, labels)) \(value)\n" }
        }
        return text
    }

    private static func summed(_ samples: [Sample]) -> [([String], Int)] {
        var order: [[String]] = []
        var sums: [[String]: Int] = [:]
        for sample in samples {
            if sums[sample.labels] == nil { order.append(sample.labels) }
            sums[sample.labels, default: 0] += sample.value
        }
        return order.map { ($0, sums[$0] ?? 0) }
    }

    private static func braces(_ metric: Metric, _ values: [String]) -> String {
        let pairs = zip(metric.labels, values).map { "\($0)=\"\(escaped($1))\"" }
        return pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}"
    }

    private static func escaped(_ value: String) -> String {
        // By scalars: a quote or a line feed may be part of a longer character, such as CR LF.
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
