import NIOCore

/// The connections of one event loop, their common clock and their common ledger.
///
/// Belongs to its event loop; other threads reach it through a `NIOLoopBound`. One timer drives it: the next due request (open loop),
/// the end of sending, the end of waiting.
final class LoadLoop<Codec: BenchCodec> {
    /// What connections may send now.
    enum Allowance {
        case nothing
        case window(Int)
        case due(UInt64, Pace)
    }

    private enum Phase {
        /// Connections are being made.
        case idle
        /// Requests are sent.
        case sending
        /// Sending has ended; answers are awaited until the time given.
        case waiting(until: UInt64)
        /// The result is out.
        case finished
    }

    let plan: BenchPlan
    /// Valid from ``start(_:)`` on.
    private(set) var timeline: Timeline
    var ledger: Ledger
    private(set) var allowance = Allowance.nothing

    private let eventLoop: any EventLoop
    private let finished: EventLoopPromise<LoadResult>
    /// This loop's place among the run's loops.
    private let place: Int
    /// Connection `i` of the run is at `i / loops` on loop `i % loops`.
    private var handlers: [LoadHandler<Codec>] = []
    private var phase = Phase.idle
    private var timer: NIOScheduledCallback?
    private var due: UInt64 = 0
    private var lost = 0
    private var firstFault: LoadFault?
    private var isInterrupted = false

    init(plan: BenchPlan, place: Int, eventLoop: any EventLoop, finished: EventLoopPromise<LoadResult>, makeCodec: (Int) -> Codec) {
        self.plan = plan
        self.place = place
        self.eventLoop = eventLoop
        self.finished = finished
        timeline = Timeline(start: .max / 2, plan: plan)
        ledger = Ledger(countFrom: timeline.countFrom, countTo: timeline.stop)
        handlers = stride(from: place, to: plan.connections, by: plan.loops).map { index in
            LoadHandler(connection: LoadConnection(codec: makeCodec(index), index: index), loop: self)
        }
    }

    /// Every n-th request of the schedule belongs to a connection.
    var interval: UInt64 { UInt64(plan.connections) }
    /// The least time between two looks at the schedule, in nanoseconds. The event loop runs timers that are due before it reads sockets:
    /// a timer that is always due, because the schedule is faster than this loop, would leave every answer unread.
    private var breath: UInt64 { 20_000 }
    /// The most bytes of overdue requests that are handed to a socket at once.
    var burst: Int { 256 * 1024 }

    /// Room for what one write usually holds, so that the buffer never grows while requests are timed.
    func outputCapacity(request: Int) -> Int {
        switch plan.load {
        case .window(let window): min(window * request, burst)
        case .rate: min(16 * request, burst)
        }
    }

    /// The handler for connection `index` of the run, which must be one of this loop's.
    /// - Throws: when the run was given up while the connection was being made.
    func handler(of index: Int) throws -> LoadHandler<Codec> {
        guard index / plan.loops < handlers.count else { throw ChannelError.ioOnClosedChannel }
        return handlers[index / plan.loops]
    }

    /// What there is to tell while the run goes on.
    var progress: LoadProgress {
        LoadProgress(answers: ledger.settledEver, open: ledger.outstanding, undelivered: ledger.undelivered.values.reduce(0, +), lost: lost)
    }

    // MARK: The run

    func start(_ timeline: Timeline) {
        guard case .idle = phase else { return }
        self.timeline = timeline
        ledger = Ledger(countFrom: timeline.countFrom, countTo: timeline.stop)
        phase = .sending
        if case .window(let window) = plan.load {
            allowance = .window(window)
            for handler in handlers { handler.send() }
        }
        if isInterrupted || lost == handlers.count { beginWaiting(at: now()) } else { proceed() }
    }

    /// Sending ends now, and what has been measured so far is the result.
    func interrupt() {
        isInterrupted = true
        guard case .sending = phase else { return }
        let now = now()
        ledger.countTo = min(ledger.countTo, now)
        beginWaiting(at: now)
    }

    func connectionLost(open: Int, _ fault: LoadFault) {
        lost += 1
        if firstFault == nil { firstFault = fault }
        ledger.connectionLost(open: open)
        guard lost == handlers.count else { return answersRead() }
        switch phase {
        case .sending:
            ledger.countTo = min(ledger.countTo, now())
            beginWaiting(at: ledger.countTo)
        case .waiting: finish()
        case .idle, .finished: break
        }
    }

    /// Outcomes came in: the run may be complete.
    func answersRead() {
        if case .waiting = phase, ledger.outstanding <= 0, !hasBacklog { finish() }
    }

    private func now() -> UInt64 { NIODeadline.now().uptimeNanoseconds }

    private func proceed() {
        let now = now()
        switch phase {
        case .idle, .finished: break
        case .waiting(let until): if now >= until { finish() } else { wake(at: until) }
        case .sending:
            let next = sendDue(at: now) ?? timeline.stop
            // Sending can end the run: the last connection may have failed.
            guard case .sending = phase else { return }
            if now >= timeline.stop { beginWaiting(at: now) } else { wake(at: min(max(next, self.now() + breath), timeline.stop)) }
        }
    }

    /// Open loop: sends what has fallen due, and returns when the next request will.
    private func sendDue(at now: UInt64) -> UInt64? {
        guard case .rate(let rate) = plan.load else { return nil }
        let pace = Pace(start: timeline.start, rate: rate)
        let before = due
        due = pace.due(at: min(now, timeline.stop - 1))
        allowance = .due(due, pace)
        if due - before >= interval {
            for handler in handlers { handler.send() }
        } else {
            let handlers = handlers
            for index in before..<due where isOwn(index) { handlers[Int(index % interval) / plan.loops].send() }
        }
        var next = due
        while !isOwn(next) { next += 1 }
        return pace.time(of: next)
    }

    /// Whether that request of the schedule belongs to a connection of this loop.
    private func isOwn(_ request: UInt64) -> Bool { Int(request % interval) % plan.loops == place }

    private func beginWaiting(at now: UInt64) {
        guard case .sending = phase else { return }
        timer?.cancel()
        if case .window = plan.load { allowance = .nothing }
        let until = now + UInt64(plan.patience * 1e9)
        phase = .waiting(until: until)
        if lost == handlers.count || (ledger.outstanding <= 0 && !hasBacklog) { finish() } else { wake(at: until) }
    }

    /// Whether requests that were due have not been written.
    private var hasBacklog: Bool { handlers.contains { !$0.isLost && $0.connection.nextDue < due } }

    private func finish() {
        if case .finished = phase { return }
        timer?.cancel()
        phase = .finished
        allowance = .nothing
        let counted = countedFrom..<max(countedFrom, due)
        finished.succeed(
            LoadResult(
                ledger: ledger, timeline: timeline, unsent: handlers.reduce(0) { $0 + $1.connection.unsent(in: counted, stride: interval) },
                lost: lost, firstFault: firstFault, isInterrupted: isInterrupted))
        discard()
    }

    /// Closes every connection. Handlers and loop hold each other until here.
    func discard() {
        for handler in handlers { handler.close() }
        handlers = []
    }

    /// The first request of the schedule that counts.
    private var countedFrom: UInt64 {
        guard case .rate(let rate) = plan.load else { return 0 }
        return Pace(start: timeline.start, rate: rate).due(at: timeline.countFrom - 1)
    }

    private func wake(at time: UInt64) {
        do {
            timer = try eventLoop.assumeIsolated().scheduleCallback(at: .uptimeNanoseconds(time), handler: self)
        } catch {
            finished.fail(error)
        }
    }
}

extension LoadLoop: NIOScheduledCallbackHandler {
    func handleScheduledCallback(eventLoop: some EventLoop) { proceed() }
}

/// What one loop has to tell when it is done.
struct LoadResult: Sendable {
    var ledger: Ledger
    var timeline: Timeline
    /// Requests that were due and never written.
    var unsent: UInt64
    /// Connections that ended before the run did, and why the first of them did.
    var lost: Int
    var firstFault: LoadFault?
    var isInterrupted: Bool
}
