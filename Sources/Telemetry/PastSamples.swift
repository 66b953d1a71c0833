/// What was counted by something that is gone: a series must not fall because a part of it has left. Bounded by the labels that there were.
public struct PastSamples: Sendable {
    private struct Series: Hashable {
        var metric: Metric
        var labels: [String]
    }

    private var kept: [Series: Sample] = [:]

    /// Nothing is kept yet.
    public init() {}

    /// One sample for each series, in no order.
    public var samples: [Sample] { Array(kept.values) }

    /// Keeps counters and histograms; a gauge is of its moment alone.
    public mutating func add(_ samples: [Sample]) {
        for sample in samples where sample.metric.kind != .gauge {
            let series = Series(metric: sample.metric, labels: sample.labels)
            guard var known = kept[series] else {
                kept[series] = sample
                continue
            }
            known.value += sample.value
            if let more = sample.distribution { known.distribution?.add(more) }
            kept[series] = known
        }
    }
}
