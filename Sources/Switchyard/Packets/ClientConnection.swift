import Links
import Logging
import NIOCore
import Routing
import Sessions
import Telemetry
import Wire

/// One real client of a packet server: its session, who it is, what it may do (rules S9, S15, S16).
///
/// `@unchecked Sendable`: as its superclass.
final class ClientConnection: DeskLink, @unchecked Sendable {
    private let shared: ClientSide
    private var settings: PacketServerSettings { shared.settings }
    @exclusivity(unchecked) private var identity = Identity()
    private var packets: TokenBucket?
    private var bytes: TokenBucket?
    private var isAdmitted = false
    /// When the first byte came, until the first packet is complete.
    private var firstByte: NIODeadline?
    @exclusivity(unchecked) private var hasSpoken = false
    private var isLeaving = false

    init(desk: LaneDesk, shared: ClientSide) {
        self.shared = shared
        super.init(desk: desk)
    }

    override var format: WireFormat { settings.wire }
    var isBound: Bool { identity.isBound }

    override func description(of link: Link) -> LinkDescription {
        LinkDescription(
            side: .clients, session: session == 0 ? nil : session, user: identity.isBound ? identity.user : nil, framing: .packets(format))
    }

    override var codeOfSilentEnd: Code { .cancelled }

    // MARK: - Coming

    override func linkOpened(_ link: Link) {
        desk.openLinks += 1
        guard shared.admission.admit(link.remoteHost) else { return refuse("connections", "over limits.connections or limits.perAddress") }
        isAdmitted = true
        guard !desk.memory.budget.isExceeded else { return refuse("memory", "over memory: \(desk.memory.budget.limit) bytes queued") }
        guard !shared.isLeaving else { return close(.draining) }
        guard enroll() else { return refuse("table", "no session left on this event loop") }
        packets = settings.limits.packetsPerSecond.map { TokenBucket(perSecond: $0, now: desk.loop.now) }
        bytes = settings.limits.bytesPerSecond.map { TokenBucket(perSecond: $0, now: desk.loop.now) }
        desk.loop.arm(link.timer, at: desk.loop.now + settings.limits.idle)
    }

    private func refuse(_ kind: String, _ why: String) {
        desk.log.event(kind, "refused client \(link.remote): \(why)")
        depart()
        close(.rateLimited)
    }

    private func depart() {
        guard isAdmitted else { return }
        isAdmitted = false
        shared.admission.release(link.remoteHost)
    }

    // MARK: - Packets

    override func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        packets?.refill(now: desk.loop.now)
        self.bytes?.refill(now: desk.loop.now)
        guard let handle else { return Consumed(bytes: bytes.count, needed: PacketHeader.size) }
        var pass = ReadPass(handle, of: desk)
        let walk = walk(bytes, format: settings.wire) { header, body in
            receive(header, body, on: link, &pass)
            return session != 0
        }
        guard session != 0 else { return Consumed(bytes: bytes.count, needed: PacketHeader.size) }
        if let length = walk.badLength {
            malformed(length, bytes)
            return Consumed(bytes: bytes.count, needed: PacketHeader.size)
        }
        let mayBeStranger = !hasSpoken && listenForFirst(walk.bytes > 0, bytes)
        return Consumed(bytes: walk.bytes, needed: mayBeStranger ? Consumed.more : walk.needed)
    }

    @inline(__always)
    private func receive(_ received: PacketHeader, _ body: UnsafeRawPointer, on link: Link, _ pass: inout ReadPass) {
        var header = received
        desk.counters.bytesIn += header.length
        header.es = settings.es
        header.session = session
        let content = UnsafeRawBufferPointer(start: body, count: header.bodyCount)
        guard isWithinRate(header.length) else { return undeliverable(.rateLimited, header, content) }
        if header.isControl { return control(received, content) }
        switch identity.stamp(&header, verify: settings.verify, passes: false, isPublic: shared.isPublic(header.type)) {
        case .pass: desk.dispatch(header, body, from: self, on: link, &pass) { deliver($0, $1) }
        case .refuse: undeliverable(.unauthorized, header, content)
        case .close:
            desk.counters.security(.identity)
            desk.log.event("identity", "closing client \(link.remote): bound to user \(identity.user), it spoke for user \(header.user)")
            close(.unauthorized)
        }
    }

    private func isWithinRate(_ count: Int) -> Bool {
        guard packets?.holds(1) ?? true, bytes?.holds(count) ?? true else { return false }
        packets?.take(1)
        bytes?.take(count)
        return true
    }

    /// Control packets that a client may send; any other closes it (protocol section 2).
    private func control(_ header: PacketHeader, _ body: UnsafeRawBufferPointer) {
        switch ControlType(rawValue: header.type) {
        case .ping:
            guard body.count <= Ping.maxBody else { return undeliverable(.badRequest, header, body) }
            var pong = header
            pong.type = ControlType.pong.rawValue
            append(pong, body)
        case .pong, .reject: break
        default:
            desk.counters.security(.kind)
            desk.log.event("kind", "closing client \(link.remote): it sent control type \(hex(header.type))")
            close(.unauthorized)
        }
    }

    // MARK: - First words and patience

    private func listenForFirst(_ isComplete: Bool, _ bytes: UnsafeRawBufferPointer) -> Bool {
        if isComplete {
            hasSpoken = true
            firstByte = nil
            return false
        }
        if let stranger = Recognition.stranger(bytes) {
            turnAway(stranger)
            return false
        }
        if firstByte == nil, !bytes.isEmpty {
            firstByte = desk.loop.now
            desk.loop.arm(link.timer, at: desk.loop.now + min(settings.limits.handshake, settings.limits.idle))
        }
        return Recognition.mayBeStranger(bytes)
    }

    private func malformed(_ length: Int, _ bytes: UnsafeRawBufferPointer) {
        if !hasSpoken, let stranger = Recognition.stranger(bytes) { return turnAway(stranger) }
        desk.log.event("framing", "closing client \(link.remote): Pack_len gives a packet of \(length) bytes, the least is 28")
        close(.protocol)
    }

    /// Another protocol is not answered in ours.
    private func turnAway(_ stranger: String) {
        desk.log.event("stranger", "closing client \(link.remote): this is a packet port and it sent \(stranger)")
        endSession(Code.protocol.rawValue)
        link.abandon(.protocol)
    }

    override func timerFired(_ timer: LoopTimer) {
        let now = desk.loop.eventLoop.now
        if let firstByte, now >= firstByte + settings.limits.handshake {
            desk.log.event("firstPacket", "closing client \(link.remote): its first packet was not complete after \(settings.limits.handshake.text)")
            return close(.protocol)
        }
        // Whoever waits for a handler is not idle.
        let silentUntil = inLanes > 0 ? now + settings.limits.idle : link.lastHeard + settings.limits.idle
        if now >= silentUntil { return close(.idle) }
        desk.loop.arm(timer, at: firstByte.map { min($0 + settings.limits.handshake, silentUntil) } ?? silentUntil)
    }

    // MARK: - Out

    override func accept(_ header: PacketHeader, _ body: UnsafeRawBufferPointer, on _: Unmanaged<Link>?) {
        switch ControlType(rawValue: header.type) {
        case .bind: bind(user: header.user, token: header.token)
        case .kick:
            guard let kick = try? Kick(body: ByteBuffer(bytes: body), format: .standard) else { return }
            close(Code(rawValue: kick.code) ?? .cancelled, raw: kick.code, reason: kick.reason)
        case .multicast: shared.spread(ByteBuffer(bytes: body))
        default: deliver(header, body)
        }
    }

    override func answer(_ header: PacketHeader, _ body: UnsafeRawBufferPointer, on link: Unmanaged<Link>) {
        guard link._withUnsafeGuaranteedRef({ $0.isOpen }) else {
            desk.counters.goneReplies += 1
            return
        }
        deliver(header, body)
    }

    override func tell(_ frame: UndeliveredFrame) {
        super.tell(frame)
        bound()
    }

    /// Queues a packet for the client.
    func deliver(_ header: PacketHeader, _ body: UnsafeRawBufferPointer) {
        append(header, body)
        desk.counters.packetsOut += 1
    }

    /// A push to many: each gets its own header.
    func deliver(_ inner: Packet) {
        var header = inner.header
        header.session = session
        header.user = identity.user
        header.es = settings.es
        header.token = 0
        inner.body.withUnsafeReadableBytes { deliver(header, $0) }
        desk.counters.multicastDelivered += 1
    }

    private func append(_ header: PacketHeader, _ body: UnsafeRawBufferPointer) {
        link.append(header.length) { target in
            header.store(to: target, format: settings.wire)
            if let start = body.baseAddress { (target + PacketHeader.size).copyMemory(from: start, byteCount: body.count) }
        }
        desk.counters.bytesOut += header.length
        bound()
    }

    /// A client that does not read is closed (rule S13); what the socket takes now does not count against it.
    private func bound() {
        let limit = settings.limits.maxPending
        guard link.queued > limit else { return }
        link.flushNow()
        guard link.isOpen, link.queued > limit else { return }
        desk.log.event("slowConsumer", "closing client \(link.remote): it does not read; over limits.maxPending: \(limit) bytes queued")
        endSession(Code.slowConsumer.rawValue)
        link.abandon(.slowConsumer)
    }

    // MARK: - Going

    private func bind(user: UInt64, token: UInt32) {
        if identity.isBound { shared.unbind(self, user: identity.user) }
        identity.bind(user: user, token: token)
        if identity.isBound { shared.bind(self, user: user) }
    }

    /// Ends the session, then the link, telling the client why.
    func close(_ code: Code, raw: UInt16? = nil, reason: String? = nil) {
        endSession(raw ?? code.rawValue)
        link.close(code) { $0.append(Packet(Reject(code: raw ?? code.rawValue, reason: reason ?? code.name)), format: self.format) }
    }

    /// The server is leaving: nothing more is read, what was read is handled and answered, then REJECT 4 (rule S25).
    func leave() {
        guard !isLeaving, session != 0 else { return }
        isLeaving = true
        link.pauseReading()
        lanesSettled()
    }

    override func lanesSettled() {
        if isLeaving, inLanes == 0 { close(.draining) }
    }

    private func endSession(_ code: UInt16) {
        guard session != 0 else { return }
        if let handler = desk.router.closedHandler {
            let notice = PacketHeader(
                bodyCount: 0, type: ControlType.sessionClosed.rawValue, user: identity.user, token: identity.token, es: settings.es,
                session: session)
            desk.stage(.closed(LaneNotice(handler, code: code, notice, origin: handle)), notice, from: self)
        }
        bind(user: 0, token: 0)
        withdraw()
    }

    override func link(_ link: Link, closed end: LinkEnd) {
        let code = end.code ?? .cancelled
        endSession(code.rawValue)
        desk.counters.closed.add(code)
        depart()
        desk.openLinks -= 1
        desk.loop.enterTurn()
    }
}
