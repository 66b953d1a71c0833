import Links
import NIOCore
import Routing
import Telemetry
import ThriftLink
import Wire

/// One route as one event loop sees it: its pool, its budget for repeats, what was counted.
///
/// `@unchecked Sendable`: confined to the event loop of its pool.
final class ProxyRoute: @unchecked Sendable {
    /// How far it is with its life.
    enum State {
        /// Its servers are being dialed; no method leads to it yet.
        case coming
        case serving
        /// No method leads to it any more; what it has got is still answered.
        case retired
        /// Nothing is left of it, and its place may be another's.
        case left
    }

    var state = State.serving
    private(set) var settings: RPCProxySettings.Route
    let name: String
    let pool: UpstreamPool
    let isHashed: Bool
    let encoding: ThriftEncoding
    /// Ticks of the timer ring that a call may take.
    @exclusivity(unchecked) private(set) var timeoutTicks = 1
    /// Nil when no method may be repeated.
    @exclusivity(unchecked) private(set) var idempotent: MethodTable?
    @exclusivity(unchecked) var budget = RetryBudget()
    @exclusivity(unchecked) var counters = CallCounters()
    /// Calls that were repeated, by what had become of the first attempt.
    @exclusivity(unchecked) var retries = CodeCounts()

    init(_ settings: RPCProxySettings.Route, pool: UpstreamPool) {
        self.settings = settings
        name = settings.name
        self.pool = pool
        isHashed = settings.upstream.balance == .hash
        encoding = pool.form.protocol.encoding
        take(settings)
    }

    /// Goes by other settings from here on; its pool is as before.
    func take(_ settings: RPCProxySettings.Route) {
        self.settings = settings
        timeoutTicks = max(1, Int(settings.upstream.timeout.nanoseconds / 10_000_000))
        idempotent = settings.idempotent.isEmpty ? nil : MethodTable([(settings.idempotent, 1)])
    }

    /// Whether it can serve other settings without a pool of its own for them.
    func serves(_ other: RPCProxySettings.Route) -> Bool {
        state == .serving && name == other.name && settings.upstream.isServed(like: other.upstream)
    }
}
