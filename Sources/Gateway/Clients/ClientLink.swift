import Links
import NIOCore
import Routing
import Sessions
import Telemetry
import Wire

/// One client: its link, its session, who it is, and what it may do. Packets come in here (rules S9, S15, S16).
final class ClientLink: LinkOwner, SessionHolder {
    let shard: Shard
    let link: Link
    /// 0 until the link is open, and again when the session has ended; the link may live on to say its last word.
    @exclusivity(unchecked) private(set) var session: UInt64 = 0
    /// The one that has ended, and its user, for those who look at links.
    private var ended: (session: UInt64, user: UInt64)?
    /// The session's slot for the choice function.
    @exclusivity(unchecked) private(set) var slot = 0
    @exclusivity(unchecked) var identity = Identity()
    @exclusivity(unchecked) var carried = RouteSet()
    /// Connections because of which it is not read.
    @exclusivity(unchecked) var pausedBy: [Connection] = []
    private var packets: TokenBucket?
    private var bytes: TokenBucket?
    @exclusivity(unchecked) private var isLimited = false
    /// When the first byte came, until the first packet is complete.
    private var firstByte: NIODeadline?
    @exclusivity(unchecked) private var hasSpoken = false
    private var isAdmitted = false
    private var address = ""
    /// The gateway is leaving: what is to be answered has until then.
    private var leaveAt: NIODeadline?

    init(shard: Shard) {
        self.shard = shard
        link = Link(loop: shard.loop)
        link.serve(self)
    }

    var hasSession: Bool { session != 0 }
    /// What the process holds for it, in both directions.
    var heldBytes: Int { link.queued + link.keptInput }
    private var limits: GatewaySettings.Limits { shard.settings.limits }

    // MARK: - Coming

    func linkOpened(_ link: Link) {
        shard.openClients += 1
        address = link.remoteHost
        guard shard.context.admission.admit(address) else { return refuse("connections", "over limits.connections or limits.perAddress") }
        isAdmitted = true
        guard !shard.context.memory.isExceeded else { return refuse("memory", "over memory: \(shard.context.memory.limit) bytes queued") }
        guard shard.leaving == nil else { return close(.draining) }
        guard let session = shard.clients.insert(self) else { return refuse("table", "no session left on this event loop") }
        self.session = session
        slot = Choice.slot(of: session)
        fillBuckets()
        shard.loop.arm(link.timer, at: shard.loop.now + limits.idle)
    }

    private func fillBuckets() {
        packets = limits.packetsPerSecond.map { TokenBucket(perSecond: $0, now: shard.loop.now) }
        bytes = limits.bytesPerSecond.map { TokenBucket(perSecond: $0, now: shard.loop.now) }
        isLimited = packets != nil || bytes != nil
    }

    /// A reload has changed them (rule S26): rates begin anew, and the deadline is looked at again.
    func limitsChanged() {
        fillBuckets()
        if leaveAt == nil { shard.loop.arm(link.timer, at: shard.loop.now) }
    }

    private func refuse(_ kind: String, _ why: String) {
        shard.log.event(kind, "refused client \(link.remote): \(why)")
        depart()
        close(.rateLimited)
    }

    /// Gives its place among the admitted to another; a refused client that stays takes none.
    private func depart() {
        guard isAdmitted else { return }
        isAdmitted = false
        shard.context.admission.release(address)
    }

    // MARK: - Packets

    func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        guard let base = bytes.baseAddress else { return Consumed(bytes: 0, needed: PacketHeader.size) }
        if isLimited { refill() }
        let count = bytes.count
        let format = shard.format
        var offset = 0
        var needed = PacketHeader.size
        while count - offset >= PacketHeader.size {
            var header = PacketHeader(at: base + offset, format: format)
            guard header.length >= PacketHeader.size else {
                malformed(header, bytes)
                return Consumed(bytes: count, needed: PacketHeader.size)
            }
            if header.length > count - offset {
                needed = header.length
                break
            }
            receive(&header, base + offset + PacketHeader.size)
            offset += header.length
            guard hasSession else { return Consumed(bytes: count, needed: PacketHeader.size) }
            // What it has sent behind a packet that filled a queue waits with it.
            if isHeld { break }
        }
        let rest = count - offset
        if rest < 2 {
            needed = 2
        } else if rest < PacketHeader.size {
            // A length that cannot be is known by its two bytes.
            let length = PacketHeader.length(at: base + offset, format: format)
            if length < PacketHeader.size {
                malformed(PacketHeader(length: length, type: 0), bytes)
                return Consumed(bytes: count, needed: PacketHeader.size)
            }
        }
        if !hasSpoken, listenForFirst(offset > 0, bytes) { needed = Consumed.more }
        return Consumed(bytes: offset, needed: needed)
    }

    @inline(__always)
    private func receive(_ header: inout PacketHeader, _ body: UnsafeRawPointer) {
        shard.counters.bytesIn += header.length
        if isLimited, !isWithinRate(header.length) { return refuse(header, body, .rateLimited) }
        if header.isControl { return control(header, body) }
        shard.routeReference(of: header.type)._withUnsafeGuaranteedRef { send(&header, body, on: $0) }
    }

    @inline(__always)
    private func send(_ header: inout PacketHeader, _ body: UnsafeRawPointer, on route: ShardRoute) {
        header.es = shard.esID
        header.session = session
        let isPublic = shard.allPublic || shard.publicTypes.contains(header.type)
        switch identity.stamp(&header, verify: shard.verify, passes: route.passesClaims, isPublic: isPublic) {
        case .pass:
            shard.forward(header, body, from: self, on: route)
        case .refuse:
            shard.undeliverable(.unauthorized, header, body, to: self, route: route)
        case .close:
            shard.counters.security(.identity)
            shard.log.event("identity", "closing client \(link.remote): bound to user \(identity.user), it spoke for user \(header.user)")
            close(.unauthorized)
        }
    }

    /// Control packets that a client may send; any other closes it (protocol section 2).
    private func control(_ header: PacketHeader, _ body: UnsafeRawPointer) {
        switch ControlType(rawValue: header.type) {
        case .ping:
            guard header.bodyCount <= Ping.maxBody else { return refuse(header, body, .badRequest) }
            var pong = header
            pong.type = ControlType.pong.rawValue
            link.append(pong, body, format: shard.format)
            shard.boundNotices(to: self)
        case .pong, .reject:
            break
        default:
            shard.counters.security(.kind)
            shard.log.event("kind", "closing client \(link.remote): it sent control type \(hex(header.type))")
            close(.unauthorized)
        }
    }

    private func refuse(_ header: PacketHeader, _ body: UnsafeRawPointer, _ code: Code) {
        var header = header
        header.es = shard.esID
        header.session = session
        let route = header.isControl ? shard.routes[shard.noneIndex] : shard.route(of: header.type)
        shard.undeliverable(code, header, body, to: self, route: route)
    }

    // MARK: - Limits

    private func refill() {
        packets?.refill(now: shard.loop.now)
        bytes?.refill(now: shard.loop.now)
    }

    private func isWithinRate(_ count: Int) -> Bool {
        guard packets?.holds(1) ?? true, bytes?.holds(count) ?? true else { return false }
        packets?.take(1)
        bytes?.take(count)
        return true
    }

    /// Returns whether the first bytes may still turn out to be of another protocol, so that each more is to be looked at.
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
            firstByte = shard.loop.now
            shard.loop.arm(link.timer, at: shard.loop.now + min(limits.handshake, limits.idle))
        }
        return Recognition.mayBeStranger(bytes)
    }

    private func malformed(_ header: PacketHeader, _ bytes: UnsafeRawBufferPointer) {
        if !hasSpoken, let stranger = Recognition.stranger(bytes) { return turnAway(stranger) }
        shard.log.event("framing", "closing client \(link.remote): Pack_len gives a packet of \(header.length) bytes, the least is 28")
        close(.protocol)
    }

    /// Another protocol is not answered in ours.
    private func turnAway(_ stranger: String) {
        shard.log.event("stranger", "closing client \(link.remote): this is a packet port and it sent \(stranger)")
        abandon(.protocol)
    }

    func timerFired(_ timer: LoopTimer) {
        let now = shard.loop.eventLoop.now
        if let leaveAt {
            if now >= leaveAt { close(.draining) } else { shard.loop.arm(timer, at: leaveAt) }
            return
        }
        if let firstByte, now >= firstByte + limits.handshake {
            shard.log.event("firstPacket", "closing client \(link.remote): its first packet was not complete after \(limits.handshake.text)")
            return close(.protocol)
        }
        let silentUntil = link.isPaused ? now + limits.idle : link.lastHeard + limits.idle
        if now >= silentUntil { return close(.idle) }
        shard.loop.arm(timer, at: firstByte.map { min($0 + limits.handshake, silentUntil) } ?? silentUntil)
    }

    // MARK: - Pauses (rule S13)

    /// It is not read because of a full queue.
    private var isHeld: Bool { !pausedBy.isEmpty }

    func pause(on connection: Connection) {
        guard !pausedBy.contains(where: { $0 === connection }) else { return }
        pausedBy.append(connection)
        link.pauseReading()
    }

    func resume(from connection: Connection) {
        guard let position = pausedBy.firstIndex(where: { $0 === connection }) else { return }
        pausedBy.remove(at: position)
        link.resumeReading()
    }

    func linkDrained(_ link: Link) {}

    // MARK: - Inspection

    func description(of link: Link) -> LinkDescription {
        let session = hasSession ? session : ended?.session
        let user = hasSession ? identity.user : ended?.user ?? 0
        return LinkDescription(side: .clients, session: session, user: user == 0 ? nil : user, framing: .packets(shard.format))
    }

    func closeForOperator(_ link: Link) { close(.cancelled) }
    let codeOfSilentEnd = Code.cancelled

    // MARK: - Going

    /// Ends the session, then the link, telling the client why (protocol section 5, "Closing with a code").
    func close(_ code: Code, raw: UInt16? = nil, reason: String? = nil) {
        endSession(raw ?? code.rawValue)
        link.close(code) { link in
            guard shard.settings.tellClients else { return }
            link.append(Packet(Reject(code: raw ?? code.rawValue, reason: reason ?? code.name)), format: shard.format)
        }
    }

    /// Ends both at once without a word.
    func abandon(_ code: Code) {
        endSession(code.rawValue)
        link.abandon(code)
    }

    /// The gateway is leaving: nothing more is read, answers have a moment, then REJECT 4 (rule S25).
    func leave(grace: TimeAmount) {
        guard leaveAt == nil, hasSession else { return }
        let deadline = shard.loop.now + grace
        leaveAt = deadline
        link.pauseReading()
        shard.loop.arm(link.timer, at: deadline)
    }

    func bind(user: UInt64, token: UInt32) {
        if identity.isBound { shard.users.remove(self, user: identity.user) }
        identity.bind(user: user, token: token)
        if identity.isBound { shard.users.insert(self, user: user) }
    }

    private func endSession(_ code: UInt16) {
        guard hasSession else { return }
        let ended = session
        let user = identity.user
        self.ended = (ended, user)
        shard.clients.remove(ended)
        bind(user: 0, token: 0)
        session = 0
        shard.sessionClosed(ended, slot: slot, user: user, code: code, routes: carried.all)
    }

    func link(_ link: Link, closed end: LinkEnd) {
        let code = end.code ?? .cancelled
        endSession(code.rawValue)
        shard.counters.clientsClosed.add(code)
        depart()
        for connection in pausedBy { connection.paused.removeAll { $0 === self } }
        pausedBy = []
        shard.openClients -= 1
        shard.clientGone()
    }
}
