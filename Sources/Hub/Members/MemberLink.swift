import Links
import Logging
import Membership
import NIOCore
import Sessions
import Telemetry
import Wire

/// One edge's or service's link: its handshake, its registration, its end. Its packets come in in `MemberLink+packets`.
///
/// `@unchecked Sendable`: confined to its shard's event loop.
final class MemberLink: LinkOwner, @unchecked Sendable {
    /// Who dials this port.
    enum Port: Int, CaseIterable {
        case edges, services
        /// Where what comes in here goes to.
        var other: Port { self == .edges ? .services : .edges }
    }

    let shard: Shard
    let port: Port
    @exclusivity(unchecked) private(set) var link: Link!
    private(set) var acceptance: Acceptance
    /// Packets flow: WELCOME is written. Kept apart because every packet asks.
    @exclusivity(unchecked) private(set) var isWelcomed = false
    // What every packet asks of its sender, set with the registration.
    @exclusivity(unchecked) private(set) var id: UInt64 = 0
    @exclusivity(unchecked) private(set) var cluster: UInt32 = 0
    @exclusivity(unchecked) private(set) var clusterPlace = 0
    @exclusivity(unchecked) private(set) var es: UInt32 = 0
    private(set) var may: JoinEntry.Permissions = []
    let gauge = LinkGauge()
    @exclusivity(unchecked) var origins = Origins()
    /// What came for it before its WELCOME could be written.
    private var early = ByteBuffer()
    /// Of each packet in ``early``.
    private var earlyOrigins: [UInt64] = []
    private var heartbeat: Heartbeat
    private var pacing = PeersPacing()
    /// Answers that are due when every loop has the table of that version, oldest first.
    private var answers: [(version: UInt64, answer: Answer)] = []
    private enum Answer { case welcome, drained }
    /// On the list of those whose queue is told to other loops.
    @exclusivity(unchecked) var isTouched = false
    private var isClosingWhenEmpty = false
    /// It has said that it leaves, and not come back since.
    var isLeaving = false
    private var isAdmitted = false

    init(shard: Shard, port: Port) {
        self.shard = shard
        self.port = port
        acceptance = Acceptance(now: shard.loop.now)
        heartbeat = Heartbeat(interval: shard.context.settings.heartbeat)
        link = Link(loop: shard.loop, owner: self)
    }

    var name: String { acceptance.member.map { "\($0.identity) (\($0.name.isEmpty ? link.remote : $0.name))" } ?? link.remote }
    var memberID: MemberID? { id == 0 ? nil : MemberID(raw: id) }

    func description(of link: Link) -> LinkDescription {
        LinkDescription(side: port == .edges ? .edges : .services, name: acceptance.member.map { "\($0.identity) (\($0.name))" })
    }

    // MARK: - Coming

    func linkOpened(_ link: Link) {
        shard.links[ObjectIdentifier(self)] = self
        acceptance = Acceptance(now: shard.loop.now)
        guard shard.context.admission.admit(link.remoteHost) else {
            return refuse(Refusal(.rateLimited, detail: "over limits.connections or limits.perAddress"))
        }
        isAdmitted = true
        if shard.context.memory.isExceeded { return refuse(Refusal(.rateLimited, detail: "queues hold more than memory allows")) }
        if shard.isLeaving { return refuse(Refusal(.draining, detail: "this hub is leaving")) }
        shard.loop.arm(link.timer, at: shard.loop.now + Acceptance.patience)
    }

    func helloReceived(_ body: UnsafeRawBufferPointer) {
        let hello = Result { () throws(WireError) in try Hello(body: ByteBuffer(bytes: body), format: .standard) }
        run(acceptance.helloReceived(hello, by: shard.context.rules[port.rawValue], certificateNames: link.certificateNames))
    }

    /// Anything but HELLO, while WELCOME is not written.
    func otherReceived(_ type: UInt16) { run(acceptance.otherReceived("type \(hex(type))")) }

    func run(_ action: Acceptance.Action) {
        switch action {
        case .none: break
        case .register(let member): shard.register(self, as: member)
        case .update(let member):
            isLeaving = false
            shard.update(self, to: member)
        case .refuse(let refusal): refuse(refusal)
        }
    }

    func refuse(_ refusal: Refusal) {
        acceptance.ended()
        if let breach = refusal.breach { shard.counters.security(breach) }
        shard.log.event("refused", "closing \(port) link \(link.remote): \(refusal.code.name): \(refusal.detail)")
        close(refusal.code, reason: refusal.reason)
    }

    /// The registry has taken it.
    func registered(_ id: MemberID, cluster place: Int, version: UInt64) {
        let action = acceptance.registered(id)
        // It may have ended while the registry looked at it.
        guard let member = acceptance.member, acceptance.id == id else { return shard.context.registrar.forget(id) }
        self.id = id.raw
        cluster = member.cluster
        clusterPlace = place
        may = member.may
        if case .edge(let es) = member.identity { self.es = es }
        shard.own(self)
        answer(.welcome, at: version)
        run(action)
    }

    func refusedByRegistry(_ refusal: Refusal) {
        if refusal.code == .busy { shard.log.event("takeover", level: .error, refusal.detail) }
        run(acceptance.refused(refusal))
    }

    /// Its later HELLO is worked in.
    func updated(version: UInt64) { answer(.welcome, at: version) }

    /// Its DRAIN is.
    func drains(version: UInt64) { answer(.drained, at: version) }

    private func answer(_ answer: Answer, at version: UInt64) {
        if answers.isEmpty { shard.awaitPublication(self) }
        answers.append((version, answer))
    }

    /// Every loop has the table of that version. Returns whether an answer waits for a later one.
    func published(_ version: UInt64) -> Bool {
        while let first = answers.first, first.version <= version {
            answers.removeFirst()
            switch first.answer {
            case .welcome: if acceptance.published() { welcome() }
            case .drained: link.append(Packet(Drain(deadlineMilliseconds: 0)), format: .standard)
            }
        }
        return !answers.isEmpty
    }

    private func welcome() {
        let settings = shard.context.settings
        let milliseconds = UInt32(clamping: settings.heartbeat.nanoseconds / 1_000_000)
        link.append(
            Packet(Welcome(hub: settings.id, heartbeatMilliseconds: milliseconds, maxFrame: 0xFFFF, name: settings.name)), format: .standard)
        let peers = peersNow
        pacing.welcomed(version: peers.version, now: shard.loop.now)
        link.append(Packet(peers.list), format: .standard)
        guard !isWelcomed else { return }
        isWelcomed = true
        sendEarly()
        shard.log.event("joined", level: .info, "\(name) is registered")
        shard.loop.arm(link.timer, at: shard.loop.now + heartbeat.interval)
    }

    private func sendEarly() {
        let waiting = early
        early = ByteBuffer()
        waiting.forEachPacket { header, packet, position in append(packet, count: header.length, origin: earlyOrigins[position.index]) }
        earlyOrigins = []
    }

    // MARK: - Out

    /// Every byte that waits for it.
    @inline(__always)
    var queued: Int { isWelcomed ? link.queued : link.queued + early.readableBytes }

    /// Whether it can be given anything.
    var isUsable: Bool { link.isOpen && !isClosingWhenEmpty }

    /// Queues a whole packet.
    @inline(__always)
    func append(_ bytes: UnsafeRawPointer, count: Int, origin: UInt64) {
        guard isWelcomed else {
            early.writeBytes(UnsafeRawBufferPointer(start: bytes, count: count))
            earlyOrigins.append(origin)
            return
        }
        origins.note(origin, at: link.endOffset, written: link.endOffset - link.queued)
        link.append(count) { $0.copyMemory(from: bytes, byteCount: count) }
        shard.touch(self)
    }

    /// Queues a control packet of the hub's own; a peer that does not read costs its own link: what is said to it may use one eighth beyond
    /// the limit (rules S13, S14).
    func say(_ count: Int, _ fill: (UnsafeMutableRawPointer) -> Void) {
        link.append(count, fill)
        guard link.queued > shard.maxPending + shard.maxPending / 8 else { return }
        shard.log.event("slow", "closing \(name): it does not read what it is told; \(link.queued) bytes queued")
        link.abandon(.slowConsumer)
    }

    func say(_ frame: UndeliveredFrame) { say(frame.header.length) { frame.store(to: $0, format: .standard) } }

    /// A new table may have another list for it. Returns when to look again.
    func tellPeers(now: NIODeadline) -> NIODeadline? {
        guard isWelcomed, link.isOpen else { return nil }
        let peers = peersNow
        switch pacing.check(version: peers.version, now: now) {
        case .none: return nil
        case .wait(let until): return until
        case .send:
            link.append(Packet(peers.list), format: .standard)
            return nil
        }
    }

    private var peersNow: (version: UInt64, list: Peers) {
        guard let table = shard.table.clusters[clusterPlace] else { return (0, .ranges([])) }
        return port == .edges ? table.peersOfEdges : table.peersOfServices
    }

    // MARK: - Going

    /// REJECT last, then the end (protocol section 5).
    func close(_ code: Code, reason: String? = nil) {
        link.close(code) { $0.append(Packet(Reject(code: code.rawValue, reason: reason ?? code.name)), format: .standard) }
    }

    /// The hub leaves (rule S25).
    func sayDrain(milliseconds: UInt32) { link.append(Packet(Drain(deadlineMilliseconds: milliseconds)), format: .standard) }

    /// The hub leaves, and everyone has answered: the link closes when what is queued is written (rule S25).
    func closeWhenEmpty() {
        isClosingWhenEmpty = link.queued > 0
        if isClosingWhenEmpty { link.resumeMark = 0 } else { link.close(.draining) }
    }

    func linkDrained(_ link: Link) {
        link.resumeMark = nil
        if isClosingWhenEmpty { link.close(.draining) }
    }

    /// Another link has its identity (rule S11).
    func displaced() {
        acceptance.ended()
        shard.log.event("takeover", "\(name) registered anew on another link; closing this one")
        close(.takenOver)
    }

    func link(_ link: Link, closed end: LinkEnd) {
        let code = end.code ?? .lost
        acceptance.ended()
        shard.links[ObjectIdentifier(self)] = nil
        shard.counters[port].closed.add(code)
        if isAdmitted { shard.context.admission.release(link.remoteHost) }
        guard let memberID else { return shard.linkGone() }
        if code != .draining { shard.log.event("left", level: .info, "\(name) is gone: \(end.error.map(describe) ?? code.name)") }
        shard.disown(self)
        // After what it has said on this loop has been handed over, so that whoever waits for its end has that.
        shard.postOutboxes()
        shard.context.registrar.forget(memberID)
        settle(end.remains)
        settleEarly(early, earlyOrigins)
        early = ByteBuffer()
        shard.linkGone()
    }

    func timerFired(_ timer: LoopTimer) {
        let now = shard.loop.eventLoop.now
        guard isWelcomed else { return run(acceptance.timedOut(now: now)) }
        switch heartbeat.check(now: now, lastHeard: link.lastHeard) {
        case .wait(let until):
            shard.loop.arm(link.timer, at: until)
        case .ping(let lookAgain):
            link.append(Packet(type: ControlType.ping.rawValue), format: .standard)
            shard.loop.arm(link.timer, at: lookAgain)
        case .giveUp:
            shard.log.event("silent", "\(name) was silent for \(Heartbeat.patience) heartbeats of \(heartbeat.interval.text); closing it")
            close(.idle)
        }
    }
}
