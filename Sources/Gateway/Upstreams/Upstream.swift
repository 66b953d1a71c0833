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
final class Upstream: LinkOwner, @unchecked Sendable {
    /// Each state with what it means for packets.
    private enum State {
        /// Waiting for the first or the next attempt.
        case waiting
        /// An attempt is under way.
        case dialing
        /// Packets flow.
        case up
        /// It said DRAIN: it gets nothing new, and answers still flow.
        case draining
        /// We are leaving: DRAIN is said, or the last bytes are going out.
        case leaving
        /// Done for good.
        case stopped
    }

    /// Where the address comes from, so that a name is looked up afresh at every dial.
    let source: UpstreamSource
    let connection: Connection
    let address: SocketAddress
    let shard: Shard
    var route: ShardRoute { connection.route }

    private var state = State.waiting
    private var backoff = Backoff()
    private var heartbeat: Heartbeat
    /// For the next attempt, and for the proof of health.
    private let timer = LoopTimer()
    private let leaveTimer = LoopTimer()
    private var firstAttempt: EventLoopPromise<Void>?
    private var attempts = 0
    /// Loops that still may have packets for a draining upstream on their way.
    private var loopsToStop = 0
    private var refusal: Code?
    private var whenStopped: EventLoopPromise<Void>?
    private let rerouted = ReroutedRanges()

    /// Without a handshake, this long without an end is health (rule S18).
    private static let health = TimeAmount.seconds(5)
    private static let afterRefusal = TimeAmount.seconds(30)
    private static let drainAnswer = TimeAmount.seconds(1)

    init(source: UpstreamSource, connection: Connection, address: SocketAddress, shard: Shard) {
        self.source = source
        self.connection = connection
        self.address = address
        self.shard = shard
        heartbeat = Heartbeat(interval: shard.context.settings.heartbeat)
        timer.aim(at: self)
        leaveTimer.aim(at: self)
    }

    // MARK: - Dialing

    /// Starts to dial; the future is done when the first attempt has ended, one way or the other.
    func start() -> EventLoopFuture<Void> {
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
            return Dialer.dial(self.address, on: self.shard.loop, owner: self, timeout: max(left, .milliseconds(1)))
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
            shard.log.event("retired", level: .info, "upstream \(name): the name no longer stands for it; it is not dialed any more")
            return
        }
        shard.log.event("dial", "upstream \(name): cannot connect: \(describe(error)); trying again")
        redialLater()
    }

    private func redialLater() {
        state = .waiting
        var wait = backoff.next { Int64.random(in: $0) }
        if let refusal, [.unauthorized, .takenOver, .unsupportedVersion].contains(refusal) { wait = Upstream.afterRefusal }
        refusal = nil
        shard.loop.arm(timer, at: shard.loop.eventLoop.now + wait)
    }

    var name: String { "\(connection.trunk.address)#\(connection.trunk.index) of route \(route.name)" }

    // MARK: - Life of the link

    func linkOpened(_ link: Link) {
        guard case .dialing = state else { return link.abandon(.draining) }
        state = .up
        heartbeat = Heartbeat(interval: shard.context.settings.heartbeat)
        rerouted.clear()
        connection.link = link
        if !route.settings.legacy {
            if source.announce(connection.trunk.address) { sayAllSessionsGone(link) }
            shard.loop.arm(link.timer, at: shard.loop.now + heartbeat.interval)
        }
        shard.loop.arm(timer, at: shard.loop.now + Upstream.health)
        shard.log.event("up", level: .info, "upstream \(name) is up")
        tellLoops(.up)
    }

    /// Once in this process's life an address hears that every earlier session of this edge is gone (rule S12).
    private func sayAllSessionsGone(_ link: Link) {
        link.append(Packet(SessionClosed(.lost), es: shard.esID, format: route.format), format: route.format)
    }

    private func tellLoops(_ state: Connection.State) {
        let id = connection.trunk.id
        shard.toEach { $0.connectionChanged(id, to: state) }
    }

    func linkDrained(_ link: Link) {
        link.resumeMark = nil
        shard.wakeWaiters(of: connection)
    }

    func link(_ link: Link, closed end: LinkEnd) {
        let code = end.code ?? .lost
        shard.counters.connectionsClosed.add(code)
        connection.link = nil
        connection.trunk.queued.store(0, ordering: .relaxed)
        shard.loop.cancel(timer)
        shard.loop.cancel(leaveTimer)
        let wasLeaving = state == .leaving || state == .stopped
        if !wasLeaving { shard.log.event("down", "upstream \(name) is down: \(end.error.map(describe) ?? code.name); dialing again") }
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
            shard.log.event("silent", "upstream \(name) was silent for \(Heartbeat.patience) heartbeats of \(heartbeat.interval.text); closing it")
            link.close(.idle) { $0.append(Packet(Reject(.idle)), format: self.route.format) }
            tellLoops(.down)
        }
    }

    // MARK: - Packets

    func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        guard let base = bytes.baseAddress else { return Consumed(bytes: 0, needed: PacketHeader.size) }
        let count = bytes.count
        let format = route.format
        var offset = 0
        while count - offset >= PacketHeader.size {
            let header = PacketHeader(at: base + offset, format: format)
            guard header.length >= PacketHeader.size else {
                malformed(link, header)
                return Consumed(bytes: count, needed: PacketHeader.size)
            }
            guard header.length <= count - offset else { return Consumed(bytes: offset, needed: header.length) }
            let body = base + offset + PacketHeader.size
            offset += header.length
            if header.isControl || header.session == 0 {
                special(link, header, body)
                guard link.isOpen else { return Consumed(bytes: count, needed: PacketHeader.size) }
            } else {
                shard.deliver(header, body, from: connection)
            }
        }
        return Consumed(bytes: offset, needed: PacketHeader.size)
    }

    private func malformed(_ link: Link, _ header: PacketHeader) {
        shard.log.event("framing", "closing upstream \(name): Pack_len gives a packet of \(header.length) bytes, the least is 28")
        link.close(.protocol) { if !self.route.settings.legacy { $0.append(Packet(Reject(.protocol)), format: self.route.format) } }
        tellLoops(.down)
    }

    private func special(_ link: Link, _ header: PacketHeader, _ body: UnsafeRawPointer) {
        guard header.isControl else { return shard.command(header, body, from: connection) }
        guard !route.settings.legacy else { return shard.counters.ignored += 1 }
        let bytes = UnsafeRawBufferPointer(start: body, count: header.bodyCount)
        switch ControlType(rawValue: header.type) {
        case .kick, .bind, .multicast: shard.command(header, body, from: connection)
        case .ping:
            guard header.bodyCount <= Ping.maxBody else { return shard.answer(connection, .badRequest, header, body, "PING over 64 bytes") }
            var pong = header
            pong.type = ControlType.pong.rawValue
            link.append(pong, body, format: route.format)
        case .pong: break
        case .drain: drainSaid(Result { try Drain(body: ByteBuffer(bytes: bytes), format: route.format) })
        case .undelivered: passOn(bytes)
        case .reject: rejected(bytes)
        case .hello, .welcome, .sessionClosed, .peers:
            shard.counters.security(.kind)
            shard.log.event("kind", "upstream \(name) sent \(hex(header.type)), which is not for an upstream to say; ignored")
        case nil: shard.counters.ignored += 1
        }
    }

    /// An upstream could not deliver a client's packet: the client hears the code's name alone (rule S1).
    private func passOn(_ bytes: UnsafeRawBufferPointer) {
        guard let report = try? Undelivered(body: ByteBuffer(bytes: bytes), format: route.format) else { return shard.counters.ignored += 1 }
        route.counters.undelivered.add(raw: report.code)
        report.quote.withUnsafeBytes { quote in
            let frame = UndeliveredFrame(code: report.code, lost: report.lost, body: quote, reason: Code.name(of: report.code))
            shard.notice(frame, session: report.lost.session)
        }
    }

    private func rejected(_ bytes: UnsafeRawBufferPointer) {
        guard let reject = try? Reject(body: ByteBuffer(bytes: bytes), format: route.format) else { return shard.counters.ignored += 1 }
        refusal = Code(rawValue: reject.code)
        shard.log.event("rejected", level: .error, "upstream \(name) rejects us: \(Code.name(of: reject.code)): \(reject.reason)")
    }

    // MARK: - Drain (rule S25)

    private func drainSaid(_ drain: Result<Drain, any Error>) {
        guard case .success(let drain) = drain else { return shard.counters.ignored += 1 }
        guard drain.deadlineMilliseconds > 0 else { return drainAnswered() }
        guard state == .up else { return }
        state = .draining
        loopsToStop = shard.shards.count
        shard.log.event("draining", level: .info, "upstream \(name) is leaving; it gets nothing new")
        let id = connection.trunk.id
        shard.toEach { shard in
            shard.connectionChanged(id, to: .draining)
            shard.confirmStopped(id)
        }
    }

    /// One loop has handed over everything it had; when all have, DRAIN 0 says that nothing new follows.
    func loopStopped() {
        loopsToStop -= 1
        guard loopsToStop == 0, state == .draining else { return }
        connection.link?.append(Packet(Drain(deadlineMilliseconds: 0)), format: route.format)
    }

    /// The gateway's last client is closed: say DRAIN, wait for the answer, close when everything is written.
    func leave(deadlineMilliseconds: UInt32) -> EventLoopFuture<Void> {
        let promise = shard.loop.eventLoop.makePromise(of: Void.self)
        whenStopped = promise
        shard.loop.cancel(timer)
        let link = connection.link
        let isLinked = link?.isOpen ?? false
        state = isLinked ? .leaving : .stopped
        if let link, isLinked {
            shard.loop.cancel(link.timer)
            if route.settings.legacy {
                link.close(.draining)
            } else {
                link.append(Packet(Drain(deadlineMilliseconds: deadlineMilliseconds)), format: route.format)
                shard.loop.arm(leaveTimer, at: shard.loop.eventLoop.now + Upstream.drainAnswer)
            }
        } else {
            finish()
        }
        return promise.futureResult
    }

    private func drainAnswered() {
        guard state == .leaving else { return }
        shard.loop.cancel(leaveTimer)
        connection.link?.close(.draining)
    }

    private func settleIfLeaving() {
        if state == .leaving || state == .stopped { finish() }
    }

    private func finish() {
        state = .stopped
        whenStopped?.succeed(())
        whenStopped = nil
    }

    /// The drain deadline has passed.
    func cut() {
        state = .stopped
        connection.link?.abandon(.draining)
        finish()
    }

    // MARK: - What was left when a link died (rules S2, S3)

    private func settle(_ remains: Remains) {
        if let block = remains.writing { forEachPacket(of: block, from: 0) { header, body, _ in report(.lost, header, body) } }
        var offset = remains.heldOffset
        for block in remains.held {
            forEachPacket(of: block, from: offset) { header, body, position in
                if rerouted.contains(position) || route.live.isEmpty { report(.neverSent, header, body) } else { reroute(header, body) }
            }
            offset += block.readableBytes
        }
        rerouted.clear()
    }

    private func forEachPacket(of block: ByteBuffer, from offset: Int, _ body: (PacketHeader, UnsafeRawBufferPointer, Int) -> Void) {
        block.withUnsafeReadableBytes { bytes in
            var position = 0
            // Guard: a block holds whole packets that this gateway wrote.
            while bytes.count - position >= PacketHeader.size, let base = bytes.baseAddress {
                let header = PacketHeader(at: base + position, format: route.format)
                let rest = UnsafeRawBufferPointer(rebasing: bytes[(position + PacketHeader.size)...])
                if !header.isControl { body(header, UnsafeRawBufferPointer(rebasing: rest.prefix(header.bodyCount)), offset + position) }
                position += header.length
            }
        }
    }

    private func report(_ code: Code, _ header: PacketHeader, _ body: UnsafeRawBufferPointer) {
        shard.undeliverable(code, header, body, session: header.session, route: route)
    }

    private func reroute(_ header: PacketHeader, _ body: UnsafeRawBufferPointer) {
        guard let next = route.live[Choice.slot(of: header.session)] else { return report(.neverSent, header, body) }
        if let link = next.link { next.upstream?.rerouted.note(link.endOffset, count: header.length) }
        route.counters.packetsIn -= 1
        shard.send(header, ByteBuffer(bytes: body), on: route, isNotice: false)
    }
}

/// Which bytes of a link's stream were re-routed to it: such a packet is not re-routed again (rule S3).
private final class ReroutedRanges {
    private var ranges: [Range<Int>] = []

    func note(_ start: Int, count: Int) {
        if let last = ranges.last, last.upperBound == start {
            ranges[ranges.count - 1] = last.lowerBound..<(start + count)
        } else {
            ranges.append(start..<(start + count))
        }
    }

    func contains(_ position: Int) -> Bool { ranges.contains { $0.contains(position) } }
    func clear() { ranges = [] }
}

/// A system error without its decoration.
func describe(_ error: any Error) -> String {
    if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
    if error is ChannelError { return "\(error)" == "connectTimeout" ? "no answer within 5s" : "\(error)" }
    return "\(error)"
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
