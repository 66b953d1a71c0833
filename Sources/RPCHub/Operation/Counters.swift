import Telemetry
import Wire

/// What one loop counts about one of its ports.
struct PortCounters {
    var bytesIn = 0
    var bytesOut = 0
    var closed = CodeCounts()
}

/// What one loop counts: plain integers, summed over the loops when they are read.
struct Counters {
    var callers = PortCounters()
    var agents = PortCounters()
    /// Calls that were answered with a REPLY.
    var answered = 0
    /// Calls that were not, by the code that their caller was told.
    var undelivered = CodeCounts()
    /// Oneway calls that were handed on.
    var oneway = 0
    var security = [Int](repeating: 0, count: SecurityKind.allCases.count)
    /// Frames of unknown kinds, and those that do not parse or lead nowhere.
    var ignored = 0
    /// Answers to calls that were given up.
    var late = 0
    /// Calls that went to a second agent because their first died before they were written.
    var rerouted = 0

    mutating func security(_ kind: SecurityKind) { security[kind.rawValue] += 1 }

    subscript(port: MemberLink.Port) -> PortCounters {
        get { port == .callers ? callers : agents }
        _modify { if port == .callers { yield &callers } else { yield &agents } }
    }
}
