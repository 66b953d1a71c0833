import Foundation
import Telemetry

/// Everything that the dashboard and `top` draw, at one moment. Rates are theirs to work out from two of these.
package struct LiveSnapshot: Codable, Sendable {
    /// One number: the metric's name without its prefix, and its labels by name.
    struct Number: Codable, Sendable {
        var name: String
        var labels: [String: String]
        var value: Int

        /// A histogram is as many numbers as it has buckets, counting upwards as Prometheus has them, the bound in seconds as label `le`.
        static func all(of sample: Sample) -> [Number] {
            let labels = Dictionary(zip(sample.metric.labels, sample.labels), uniquingKeysWith: { $1 })
            guard let spread = sample.distribution else { return [Number(name: sample.metric.rawValue, labels: labels, value: sample.value)] }
            var count = 0
            return zip(Distribution.bounds.map { "\(Double($0) / 1e6)" } + ["+Inf"], spread.counts).map { bound, inBucket in
                count += inBucket
                return Number(name: sample.metric.rawValue + "_bucket", labels: labels.merging(["le": bound]) { $1 }, value: count)
            }
        }
    }

    /// Registrations that one snapshot holds; `/registry` has all.
    private static let maxRegistrations = 256

    var milliseconds: Int64
    var canAct: Bool
    var isOutOfRotation: Bool
    var status: AdminStatus
    var routes: [RouteView]
    var registry: [RegistrationView]
    var pools: [PoolView]
    var lanes: [LanesView]
    var pending: [PendingView]
    var numbers: [Number]

    init(_ pages: AdminPages, canAct: Bool) async {
        async let status = pages.status()
        async let routes = pages.ask { await $0.routes() }
        async let registry = pages.ask { await $0.registry() }
        async let pools = pages.ask { await $0.pools() }
        async let lanes = pages.ask { await $0.laneViews() }
        async let pending = pages.ask { await $0.pending() }
        async let samples = pages.samples()
        self.canAct = canAct
        isOutOfRotation = pages.state.isOutOfRotation
        self.status = await status
        self.routes = await routes.flatMap(\.self)
        self.registry = Array(await registry.flatMap(\.self).prefix(LiveSnapshot.maxRegistrations))
        self.pools = await pools.flatMap(\.self)
        self.lanes = await lanes.flatMap(\.self)
        self.pending = await pending.flatMap(\.self)
        numbers = await samples.flatMap(Number.all)
        milliseconds = Int64(Date.now.timeIntervalSince1970 * 1000)
    }
}
