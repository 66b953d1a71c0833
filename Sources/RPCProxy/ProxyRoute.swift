import Links
import NIOCore
import Routing
import Telemetry
import ThriftLink
import Wire

/// One route as one event loop sees it: its pool, its budget for repeats, what was counted.
final class ProxyRoute {
    let settings: RPCProxySettings.Route
    let name: String
    let pool: UpstreamPool
    let isHashed: Bool
    let encoding: ThriftEncoding
    /// Ticks of the timer ring that a call may take.
    let timeoutTicks: Int
    /// Nil when no method may be repeated.
    let idempotent: MethodTable?
    @exclusivity(unchecked) var budget = RetryBudget()
    @exclusivity(unchecked) var counters = Counters()

    struct Counters {
        var ok = 0
        var exceptions = 0
        var failed = CodeCounts()
        var inFlight = 0
        var seconds = Distribution()
        var retries = CodeCounts()
    }

    init(_ settings: RPCProxySettings.Route, pool: UpstreamPool) {
        self.settings = settings
        name = settings.name
        self.pool = pool
        isHashed = settings.upstream.balance == .hash
        encoding = pool.form.protocol.encoding
        timeoutTicks = max(1, Int(settings.upstream.timeout.nanoseconds / 10_000_000))
        idempotent = settings.idempotent.isEmpty ? nil : MethodTable([(settings.idempotent, 1)])
    }
}
