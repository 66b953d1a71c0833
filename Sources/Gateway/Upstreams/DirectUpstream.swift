import Links
import Logging
import NIOCore
import Routing
import Synchronization
import Telemetry
import Wire

/// Keeps one connection to one upstream address alive: dials, watches the heartbeat, dials again (rules S17, S18). Lives on the loop
/// that owns the link. What the upstream says comes in here.
///
/// `@unchecked Sendable`: confined to its shard's event loop; futures that call back do so there.
final class DirectUpstream: Upstream, LinkOwner, @unchecked Sendable {
    /// Each state with what it means for packets.
    enum State {
        /// Waiting for the first or the next attempt.
        case waiting
        /// An attempt is under way.
        case dialing
        /// Packets flow.
        case up
        /// It said DRAIN: it gets nothing new, and answers still flow.
        case draining
        /// A reload has taken it out: it gets nothing new, and hears DRAIN when every loop has stopped.
        case retiring
        /// We are leaving: DRAIN is said, or the last bytes are going out.
        case leaving
        /// Done for good.
        case stopped
    }

    /// Where the address comes from, so that a name is looked up afresh at every dial.
    let source: AddressSource
    let connection: Connection
    let address: SocketAddress
    let shard: Shard

    var state = State.waiting
    private var backoff = Backoff()
    var heartbeat: Heartbeat
    /// For the next attempt, and for the proof of health.
    let timer = LoopTimer()
    let leaveTimer = LoopTimer()
    private var firstAttempt: EventLoopPromise<Void>?
    private var attempts = 0
    /// Loops that still may have packets for a draining upstream on their way.
    var loopsToStop = 0
    /// We are leaving, and only what is queued keeps the link open.
    var isClosingWhenEmpty = false
    var refusal: Code?
    var whenStopped: EventLoopPromise<Void>?
    let rerouted = ReroutedRanges()
    var announcement: String { connection.trunk.address }

    /// Without a handshake, this long without an end is health (rule S18).
    private static let health = TimeAmount.seconds(5)
    private static let afterRefusal = TimeAmount.seconds(30)

    init(source: AddressSource, connection: Connection, address: SocketAddress, shard: Shard) {
        self.source = source
        self.connection = connection
        self.address = address
        self.shard = shard
        heartbeat = Heartbeat(interval: shard.settings.heartbeat)
        timer.aim(at: self)
        leaveTimer.aim(at: self)
    }

    // MARK: - Dialing

    /// Starts to dial; the future is done when the first attempt has ended, one way or the other.
    func start() -> EventLoopFuture<Void> {
        guard case .waiting = state else { return shard.loop.eventLoop.makeSucceededVoidFuture() }
        let promise = shard.loop.eventLoop.makePromise(of: Void.self)
        firstAttempt = promise
        dial()
        return promise.futureResult
    }

    private func dial() {
        guard case .waiting = state else { return }
        state = .dialing
        attempts += 1
        if attempts > 1 { shard.counters.reconnects[connection.trunk.address, default: 0] += 1 }
        let started = NIODeadline.now()
        source.confirm(address, on: shard.loop.eventLoop).flatMap { isCurrent -> EventLoopFuture<Link> in
            guard isCurrent else { return self.shard.loop.eventLoop.makeFailedFuture(Retired()) }
            let left = Sockets.connectTimeout - (NIODeadline.now() - started)
            return Dialer.dial(
                self.address, on: self.shard.loop, owner: self, timeout: max(left, .milliseconds(1)), security: self.source.security,
                endpoint: self.source.endpoint)
        }.whenComplete { result in
            if case .failure(let error) = result { self.attemptFailed(error) }
            self.firstAttempt?.succeed(())
            self.firstAttempt = nil
        }
    }

    private struct Retired: Error {}

    private func attemptFailed(_ error: any Error) {
        guard case .dialing = state else { return settleIfLeaving() }
        if error is Retired {
            state = .stopped
            shard.log.event("retired", level: .info, "\(name): the name no longer stands for it; it is not dialed any more")
            return
        }
        shard.log.event("dial", "\(name): cannot connect: \(describe(error)); trying again")
        redialLater()
    }

    private func redialLater() {
        state = .waiting
        var wait = backoff.next { Int64.random(in: $0) }
        if let refusal, [.unauthorized, .takenOver, .unsupportedVersion].contains(refusal) { wait = DirectUpstream.afterRefusal }
        refusal = nil
        shard.loop.arm(timer, at: shard.loop.eventLoop.now + wait)
    }

    var name: String { "upstream \(connection.trunk.address)#\(connection.trunk.index) of route \(route.name)" }

    // MARK: - Life of the link

    func linkOpened(_ link: Link) {
        guard case .dialing = state else { return link.abandon(.draining) }
        state = .up
        heartbeat = Heartbeat(interval: shard.settings.heartbeat)
        rerouted.clear()
        connection.link = link
        if !route.settings.legacy {
            announceOnce(link)
            shard.loop.arm(link.timer, at: shard.loop.now + heartbeat.interval)
        }
        shard.loop.arm(timer, at: shard.loop.now + DirectUpstream.health)
        shard.log.event("up", level: .info, "\(name) is up")
        tellLoops(.up)
    }

    func tellLoops(_ state: Connection.State) {
        let id = connection.trunk.id
        let state = state == .up && connection.isDisabled ? .draining : state
        shard.toEach { $0.connectionChanged(id, to: state) }
    }

    func linkDrained(_ link: Link) {
        link.resumeMark = nil
        if isClosingWhenEmpty { return link.close(.draining) }
        shard.wakeWaiters(of: connection)
    }

    func link(_ link: Link, closed end: LinkEnd) {
        let code = end.code ?? .lost
        shard.counters.connectionsClosed.add(code)
        connection.link = nil
        connection.trunk.queued.store(0, ordering: .relaxed)
        shard.loop.cancel(timer)
        shard.loop.cancel(leaveTimer)
        let wasLeaving = [.retiring, .leaving, .stopped].contains(state)
        if !wasLeaving { shard.log.event("down", "\(name) is down: \(end.error.map(describe) ?? code.name); dialing again") }
        tellLoops(.down)
        settle(end.remains)
        shard.wakeWaiters(of: connection)
        if wasLeaving { finish() } else { redialLater() }
    }

    func timerFired(_ timer: LoopTimer) {
        if timer === self.timer {
            if state == .waiting { dial() } else { backoff.reset() }
        } else if timer === leaveTimer {
            drainAnswered()
        } else {
            checkHeartbeat()
        }
    }

    private func checkHeartbeat() {
        guard let link = connection.link else { return }
        switch heartbeat.check(now: shard.loop.eventLoop.now, lastHeard: link.lastHeard) {
        case .wait(let until):
            shard.loop.arm(link.timer, at: until)
        case .ping(let lookAgain):
            link.append(Packet(type: ControlType.ping.rawValue), format: route.format)
            shard.loop.arm(link.timer, at: lookAgain)
        case .giveUp:
            shard.log.event("silent", "\(name) was silent for \(Heartbeat.patience) heartbeats of \(heartbeat.interval.text); closing it")
            link.close(.idle) { $0.append(Packet(Reject(.idle)), format: self.route.format) }
            tellLoops(.down)
        }
    }

}
