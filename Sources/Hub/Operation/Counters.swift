import Telemetry
import Wire

/// What one loop counts about one of its ports.
struct PortCounters {
    /// Application packets that came from there.
    var packetsIn = 0
    /// Packets that were handed on to there; commands included.
    var packetsOut = 0
    var bytesIn = 0
    var bytesOut = 0
    /// Packets that were meant for there.
    var undelivered = CodeCounts()
    var closed = CodeCounts()
}

/// What one loop counts: plain integers, summed over the loops when they are read.
struct Counters {
    var edges = PortCounters()
    var services = PortCounters()
    var security = [Int](repeating: 0, count: SecurityKind.allCases.count)
    /// Control packets of unknown kinds, and those that do not parse or lead nowhere.
    var ignored = 0
    /// SESSION_CLOSED for services that died.
    var unheardClosings = 0
    /// Packets that went to another service because theirs died.
    var rerouted = 0

    mutating func security(_ kind: SecurityKind) { security[kind.rawValue] += 1 }

    @inline(__always)
    mutating func handed(_ kind: Crossing.Kind, _ count: Int) {
        if kind == .toEdge {
            edges.packetsOut += 1
            edges.bytesOut += count
        } else {
            services.packetsOut += 1
            services.bytesOut += count
        }
    }

    subscript(port: MemberLink.Port) -> PortCounters {
        get { port == .edges ? edges : services }
        _modify { if port == .edges { yield &edges } else { yield &services } }
    }
}
