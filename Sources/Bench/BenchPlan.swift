package import Links

/// What a benchmark does: whom it loads, how hard, and for how long.
///
/// The values are taken as given; the command checks what a person typed, and ``BenchPlan/fault`` says what it would refuse.
package struct BenchPlan: Sendable {
    /// How packets are paced.
    package enum Load: Sendable, Hashable {
        /// Closed loop: that many requests in flight on each connection; an answer makes room for the next.
        case window(Int)
        /// Open loop: that many requests per second over all connections, whether or not answers come.
        case rate(Int)
    }

    /// What a request is called.
    package enum Unit: String, Sendable, Hashable, Codable {
        case packets, calls
    }

    package var target: Endpoint
    /// Toward the target; nil is plain.
    package var tls: DialerTLS?
    package var unit = Unit.packets
    package var load: Load
    package var connections: Int
    /// Body bytes of one request.
    package var size: Int
    /// How long requests are counted.
    package var seconds: Double
    /// How long requests are sent before any is counted: connections, caches and branch predictors settle.
    package var warmUp: Double
    /// The longest wait, after the last request, for answers that are still out.
    package var patience: Double
    /// Event loops, one thread each.
    package var loops: Int

    package init(
        target: Endpoint, load: Load = .window(16), connections: Int = 64, size: Int = 100, seconds: Double = 10, warmUp: Double = 1,
        patience: Double = 2, loops: Int = 1
    ) {
        self.target = target
        self.load = load
        self.connections = connections
        self.size = size
        self.seconds = seconds
        self.warmUp = warmUp
        self.patience = patience
        self.loops = loops
    }

    /// Why this plan cannot be carried out, as one line; nil when it can.
    package var fault: String? {
        if connections < 1 || connections > 1_000_000 { return "connections is \(connections); it must be 1 ... 1000000" }
        switch load {
        case .window(let window) where window < 1 || window > 65536: return "window is \(window); it must be 1 ... 65536"
        case .rate(let rate) where rate < 1 || rate > Pace.maxRate: return "rate is \(rate); it must be 1 ... \(Pace.maxRate)"
        case .window, .rate: break
        }
        if !(seconds > 0 && seconds <= 86400) { return "seconds is \(seconds); it must be above 0 and at most 86400" }
        if loops < 1 || loops > 256 { return "loops is \(loops); it must be 1 ... 256" }
        return nil
    }
}

/// The times that every loop of a run agrees on, in nanoseconds of the monotonic clock.
package struct Timeline: Sendable, Hashable {
    package var start: UInt64
    /// A request counts when its time is here or later...
    package var countFrom: UInt64
    /// ...and before this, when sending ends.
    package var stop: UInt64

    package init(start: UInt64, plan: BenchPlan) {
        self.start = start
        countFrom = start + UInt64(plan.warmUp * 1e9)
        stop = countFrom + UInt64(plan.seconds * 1e9)
    }
}
