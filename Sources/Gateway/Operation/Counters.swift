import Telemetry

/// What one route counts on one loop.
struct RouteCounters {
    var packetsIn = 0
    var packetsOut = 0
    var undelivered = CodeCounts()
}

/// What one loop counts besides its routes: plain integers, summed over the loops when they are read.
struct Counters {
    var bytesIn = 0
    var bytesOut = 0
    var clientsClosed = CodeCounts()
    var connectionsClosed = CodeCounts()
    var hubsClosed = CodeCounts()
    var security = [Int](repeating: 0, count: SecurityKind.allCases.count)
    var multicastDelivered = 0
    var multicastAbsent = 0
    /// Control packets of unknown kinds, and those of old servers.
    var ignored = 0
    /// Packets for sessions that are gone.
    var goneSessions = 0
    /// SESSION_CLOSED for routes without a connection.
    var unheardClosings = 0
    var reconnects: [String: Int] = [:]

    mutating func security(_ kind: SecurityKind) { security[kind.rawValue] += 1 }
}
