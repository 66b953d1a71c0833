import Links
import NIOCore
import Routing
import Telemetry
import Wire

/// One connection of a pool: dials, keeps the calls that were sent on it, and finds the answers (rules S2, S22).
///
/// `@unchecked Sendable`: confined to the event loop of its pool.
final class UpstreamConnection: LinkOwner, @unchecked Sendable {
    /// Each state with what it means for calls.
    enum State {
        /// The next attempt is due later.
        case waiting
        /// An attempt is under way.
        case dialing
        /// It takes calls.
        case up
        /// Done for good.
        case stopped
    }

    /// What is kept for a call that was sent.
    struct Call {
        var token: UInt64
        /// Where its first byte stands in the link's stream.
        var start: Int
        var deadline: Int
        var sent: NIODeadline
        /// It stands on its second connection (rule S3).
        var isRerouted: Bool
    }

    /// Sequence ids: positive, so that no old server trips over a sign; used again after 32,767 calls on the same slot.
    static let sequences = SlotNumbers(slotBits: 16, generationBits: 15)

    let number: Int
    let server: UpstreamServer
    /// It owns this; the circle is broken when the pool has left.
    let pool: UpstreamPool
    private(set) var state = State.waiting
    private(set) var link: Link? { didSet { linkReference = link.map(Unmanaged.passUnretained) } }
    /// ``link``, for what is done for each call: reading a variable counts a reference.
    @exclusivity(unchecked) private var linkReference: Unmanaged<Link>?
    @exclusivity(unchecked) private(set) var pending = Pending<Call>(UpstreamConnection.sequences)
    @exclusivity(unchecked) private var reader: ThriftReader
    /// The tick that the link's timer is armed for.
    @exclusivity(unchecked) private var armed = Pending<Call>.never
    private var backoff = Backoff()
    private let redialTimer = LoopTimer()
    private var attempts = 0
    private var openedAt = NIODeadline.distantPast
    /// Why we closed it.
    private var fault: WireError?
    /// It was closed to be dialed afresh.
    private var isProbing = false
    /// The attempt that is under way; never fails.
    private(set) var attempt: EventLoopFuture<Void>?

    /// Without a handshake, this long without an end is health (rule S18).
    private static let health = TimeAmount.seconds(5)

    init(_ number: Int, of server: UpstreamServer, pool: UpstreamPool) {
        self.number = number
        self.server = server
        self.pool = pool
        reader = ThriftReader(form: pool.form, limit: pool.settings.maxFrame)
        redialTimer.aim(at: self)
    }

    var queued: Int { link?.queued ?? 0 }

    // MARK: - Dialing

    /// Dials unless that was done before.
    func dialFirst() { if attempts == 0 { dial() } }

    /// A fresh connection instead of this one, now.
    func redialNow() {
        isProbing = true
        link?.abandon(.lost)
    }

    func dial() {
        guard case .waiting = state else { return }
        state = .dialing
        pool.loop.cancel(redialTimer)
        attempts += 1
        if attempts > 1 { pool.counters.reconnects[server.name, default: 0] += 1 }
        let started = NIODeadline.now()
        let ended = server.source.confirm(server).flatMap { isCurrent -> EventLoopFuture<Link> in
            guard isCurrent, case .dialing = self.state else { return self.pool.loop.eventLoop.makeFailedFuture(Retired()) }
            let left = Sockets.connectTimeout - (NIODeadline.now() - started)
            return Dialer.dial(
                self.server.address, on: self.pool.loop, owner: self, timeout: max(left, .milliseconds(1)), security: self.pool.security,
                endpoint: self.server.source.endpoint)
        }.map { _ in }.flatMapErrorThrowing { self.attemptFailed($0) }
        attempt = ended
        ended.whenComplete { _ in self.attempt = nil }
    }

    /// Nobody wants this address any more.
    private struct Retired: Error {}

    private func attemptFailed(_ error: any Error) {
        guard case .dialing = state else { return }
        if error is Retired {
            state = .stopped
            pool.retired(self)
            return
        }
        state = .waiting
        pool.loop.enterTurn()
        redialLater()
        pool.attemptFailed(self, error)
    }

    private func redialLater() {
        let wait = backoff.next { Int64.random(in: $0) }
        pool.loop.arm(redialTimer, at: pool.loop.eventLoop.now + wait)
    }

    // MARK: - Life of the link

    func linkOpened(_ link: Link) {
        guard case .dialing = state else { return link.abandon(.draining) }
        state = .up
        self.link = link
        openedAt = pool.loop.now
        fault = nil
        reader = ThriftReader(form: pool.form, limit: pool.settings.maxFrame)
        armed = Pending<Call>.never
        pool.opened(self)
    }

    func description(of link: Link) -> LinkDescription { LinkDescription(side: .upstream, name: server.name, framing: .thrift) }

    func linkDrained(_ link: Link) {}

    func link(_ link: Link, closed end: LinkEnd) {
        self.link = nil
        let calls = pending.removeAll()
        let code = fault?.code ?? end.code ?? .lost
        pool.counters.closed.add(code)
        let wasHealthy = pool.loop.now - openedAt >= UpstreamConnection.health
        if wasHealthy { backoff.reset() }
        if pool.isLeaving { state = .stopped }
        if state == .up {
            state = .waiting
            // The first redial after health does not wait: calls wait for it.
            if isProbing || wasHealthy { pool.loop.arm(redialTimer, at: pool.loop.now) } else { redialLater() }
            isProbing = false
        }
        let held = UnsentCalls(end.remains, form: pool.form, limit: pool.settings.maxFrame)
        let reason = fault?.description ?? end.error.map { describe($0) } ?? "closed"
        pool.closed(
            self, calls: calls.map(\.call).filter { $0.start < held.start },
            unsent: calls.map(\.call).filter { $0.start >= held.start }.sorted { $0.start < $1.start }, held: held,
            failure: fault == nil ? .lost : .protocol, reason: reason)
    }

    /// Ends it at once: what is open on it is lost. It is dialed again.
    func throwAway(_ code: Code) { link?.abandon(code) }

    /// Ends it for good, after what is queued.
    func stop(atOnce: Bool) {
        pool.loop.cancel(redialTimer)
        let link = link
        state = .stopped
        if atOnce { link?.abandon(.draining) } else { link?.close(.draining) }
    }

    // MARK: - Calls

    /// Writes a call. The caller has made sure of a place.
    func send(_ token: UInt64, _ parts: CallParts, deadline: Int, isRerouted: Bool) {
        // Guard: `link` holds it, and is set to nil when the link tells its end, which appending does not bring about.
        linkReference?._withUnsafeGuaranteedRef { send(token, parts, deadline: deadline, isRerouted: isRerouted, by: $0) }
    }

    @inline(__always)
    private func send(_ token: UInt64, _ parts: CallParts, deadline: Int, isRerouted: Bool, by link: Link) {
        var sequence: UInt64 = 0
        if !parts.isOneway {
            let call = Call(token: token, start: link.endOffset, deadline: deadline, sent: pool.loop.now, isRerouted: isRerouted)
            guard let opened = pending.open(call, deadline: deadline) else { return }
            sequence = opened
            if deadline < armed { arm(at: deadline, link) }
        }
        let envelope = ThriftEnvelope(
            form: pool.form, type: parts.isOneway ? .oneway : .call, sequence: Int32(truncatingIfNeeded: sequence), name: parts.name,
            info: parts.info)
        link.append(envelope, body: parts.body, shared: parts.shared)
    }

    private func arm(at tick: Int, _ link: Link) {
        armed = tick
        pool.loop.arm(link.timer, at: .uptimeNanoseconds(UInt64(max(tick, 0)) * 10_000_000))
    }

    func timerFired(_ timer: LoopTimer) {
        if timer === redialTimer { return dial() }
        guard let link else { return }
        armed = Pending<Call>.never
        let tick = LinkLoop.tick(of: pool.loop.eventLoop.now)
        var expired: [Call] = []
        while let (_, call) = pending.nextExpired(at: tick) { expired.append(call) }
        if pending.nextDue != Pending<Call>.never { arm(at: pending.nextDue, link) }
        guard !expired.isEmpty else { return }
        // No place is left but for late answers; with one call at a time that is so after each.
        if pending.count == 0, pending.tombstones >= pool.settings.inFlight { link.abandon(.deadline) }
        pool.expired(expired, on: self)
    }

    // MARK: - Answers

    func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        var offset = 0
        var needed = Consumed.more
        scan: while offset < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            switch reader.next(rest) {
            case .message(let head):
                take(head, UnsafeRawBufferPointer(rebasing: rest[..<head.count]), link)
                offset += head.count
                needed = Consumed.more
                guard link.isOpen else { return Consumed(bytes: bytes.count, needed: needed) }
            case .incomplete(let more):
                needed = more
                break scan
            case .refused(let refusal):
                breakOff(WireError(.protocol, refusal.message), link)
                return Consumed(bytes: bytes.count, needed: needed)
            case .malformed(let error):
                breakOff(error, link)
                return Consumed(bytes: bytes.count, needed: needed)
            }
        }
        if offset > 0 { pool.roomAppeared(number) }
        return Consumed(bytes: offset, needed: needed)
    }

    private func take(_ head: ThriftHead, _ bytes: UnsafeRawBufferPointer, _ link: Link) {
        guard head.type == .reply || head.type == .exception else {
            return breakOff(WireError(.protocol, "sent a message that is no answer"), link)
        }
        switch pending.answered(UInt64(UInt32(bitPattern: head.sequence))) {
        case .call(let call):
            pool.counters.upstream.add(nanoseconds: (pool.loop.now - call.sent).nanoseconds)
            pool.answered(call.token, UpstreamAnswer(head, bytes, link: link, connection: number), on: number)
        case .tombstone: pool.answeredLate(on: number)
        case .unknown: breakOff(WireError(.protocol, "answered sequence id \(head.sequence), which was not asked"), link)
        }
    }

    /// What comes after a broken message means nothing (rule S22).
    private func breakOff(_ error: WireError, _ link: Link) {
        fault = WireError(.protocol, error.description)
        pool.owner?.pool(pool, tells: .broken(server.name, reason: error.description))
        link.abandon(.protocol)
    }
}
