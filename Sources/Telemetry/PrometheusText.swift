/// Samples in the Prometheus text exposition format 0.0.4.
public enum PrometheusText {
    /// The value of `Content-Type`.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// One block for each metric: help, type, samples. Samples with equal labels are added up, or the largest of them stands for all.
    public static func render(_ samples: [Sample]) -> String {
        var byMetric: [Metric: [Sample]] = [:]
        for sample in samples { byMetric[sample.metric, default: []].append(sample) }
        var text = ""
        for metric in Metric.allCases {
            guard let samples = byMetric[metric] else { continue }
            text += "# HELP \(metric.name) \(metric.help)\n# TYPE \(metric.name) \(metric.kind.rawValue)\n"
            if metric.kind == .histogram {
                for (labels, spread) in merged(samples) { text += histogram(metric, labels, spread) }
                continue
            }
            for (labels, value) in summed(samples, metric) { text += "\(metric.name)\(braces(metric, labels)) \(value)\n" }
        }
        return text
    }

    private static func summed(_ samples: [Sample], _ metric: Metric) -> [([String], Int)] {
        var order: [[String]] = []
        var sums: [[String]: Int] = [:]
        for sample in samples {
            if sums[sample.labels] == nil { order.append(sample.labels) }
            sums[sample.labels] = sums[sample.labels].map { metric.isMaximum ? max($0, sample.value) : $0 + sample.value } ?? sample.value
        }
        return order.map { ($0, sums[$0] ?? 0) }
    }

    private static func merged(_ samples: [Sample]) -> [([String], Distribution)] {
        var order: [[String]] = []
        var merged: [[String]: Distribution] = [:]
        for sample in samples {
            guard let distribution = sample.distribution else { continue }
            if merged[sample.labels] == nil { order.append(sample.labels) }
            merged[sample.labels, default: Distribution()].add(distribution)
        }
        return order.map { ($0, merged[$0] ?? Distribution()) }
    }

    /// The buckets count upwards, as Prometheus wants them.
    private static func histogram(_ metric: Metric, _ labels: [String], _ spread: Distribution) -> String {
        var text = ""
        var count = 0
        for (bound, inBucket) in zip(Distribution.bounds, spread.counts) {
            count += inBucket
            text += "\(metric.name)_bucket\(braces(metric, labels, [("le", "\(Double(bound) / 1e6)")])) \(count)\n"
        }
        text += "\(metric.name)_bucket\(braces(metric, labels, [("le", "+Inf")])) \(spread.count)\n"
        text += "\(metric.name)_sum\(braces(metric, labels)) \(Double(spread.nanoseconds) / 1e9)\n"
        return text + "\(metric.name)_count\(braces(metric, labels)) \(spread.count)\n"
    }

    private static func braces(_ metric: Metric, _ values: [String], _ more: [(String, String)] = []) -> String {
        let pairs = (zip(metric.labels, values).map { ($0, $1) } + more).map { "\($0)=\"\(escaped($1))\"" }
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
