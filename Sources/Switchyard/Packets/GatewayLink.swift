import Links
import Logging
import NIOCore
import Synchronization
import Telemetry
import Wire

/// One connection from a gateway: packets of many clients, and what a gateway says about them (protocol section 2).
///
/// `@unchecked Sendable`: as its superclass.
final class GatewayLink: DeskLink, @unchecked Sendable {
    private let settings: PacketServerSettings
    private let gateways: GatewayTable
    private var heartbeat: Heartbeat
    /// Edges that have spoken over this link.
    private var edges: Set<UInt32> = []
    @exclusivity(unchecked) private var lastEdge: UInt32 = 0
    /// The gateway has said DRAIN and waits for our answer.
    private var owesDrainAnswer = false
    /// Looks whether the gateway reads, in the midst of queueing something for it.
    private var isBounding = false
    /// We have said DRAIN.
    private var isLeaving = false
    private var isAnswered = false
    private let leaveTimer = LoopTimer()

    /// A gateway that has not answered DRAIN by then is taken to have answered.
    private static let drainAnswer = TimeAmount.seconds(1)

    init(desk: LaneDesk, settings: PacketServerSettings, gateways: GatewayTable) {
        self.settings = settings
        self.gateways = gateways
        heartbeat = Heartbeat(interval: settings.heartbeat)
        super.init(desk: desk)
        leaveTimer.aim(at: self)
    }

    override var format: WireFormat { settings.wire }

    override func linkOpened(_ link: Link) {
        desk.openLinks += 1
        guard enroll() else { return link.abandon(.rateLimited) }
        if desk.isStopped.load(ordering: .relaxed) { return link.close(.draining) { $0.append(Packet(Reject(.draining)), format: self.format) } }
        desk.loop.arm(link.timer, at: desk.loop.now + heartbeat.interval)
    }

    // MARK: - In

    override func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        guard let handle else { return Consumed(bytes: bytes.count, needed: PacketHeader.size) }
        var pass = ReadPass(handle, of: desk)
        let walk = walk(bytes, format: settings.wire) { header, body in
            if header.isControl {
                control(header, UnsafeRawBufferPointer(start: body, count: header.bodyCount))
            } else {
                if header.es != lastEdge { meet(header.es) }
                desk.dispatch(header, body, from: self, on: link, &pass) { answer($0, $1, on: link) }
            }
            return link.takesMore
        }
        desk.counters.bytesIn += walk.bytes
        if let length = walk.badLength {
            desk.log.event("framing", "closing gateway \(link.remote): Pack_len gives a packet of \(length) bytes, the least is 28")
            link.close(.protocol) { $0.append(Packet(Reject(.protocol)), format: self.format) }
            return Consumed(bytes: bytes.count, needed: PacketHeader.size)
        }
        return Consumed(bytes: walk.bytes, needed: walk.needed)
    }

    @inline(never)
    private func meet(_ es: UInt32) {
        lastEdge = es
        if edges.insert(es).inserted { gateways.add(handle, es: es) }
    }

    private func control(_ header: PacketHeader, _ body: UnsafeRawBufferPointer) {
        switch ControlType(rawValue: header.type) {
        case .ping:
            guard body.count <= Ping.maxBody else { return undeliverable(.badRequest, header, body, reason: "badRequest: PING over 64 bytes") }
            var pong = header
            pong.type = ControlType.pong.rawValue
            append(pong, body, on: link)
        case .pong: break
        case .drain: drainSaid(ByteBuffer(bytes: body))
        case .sessionClosed: sessionClosed(header, ByteBuffer(bytes: body))
        case .reject:
            if let reject = try? Reject(body: ByteBuffer(bytes: body), format: format) {
                desk.log.event("rejected", "gateway \(link.remote) closes: \(Code.name(of: reject.code)): \(reject.reason)")
            }
        case .undelivered:
            // What we pushed did not arrive: the code is counted, and nobody waits for it.
            if let report = try? Undelivered(body: ByteBuffer(bytes: body), format: format) { desk.counters.undelivered.add(raw: report.code) }
        case .hello, .welcome, .peers, .kick, .bind, .multicast:
            desk.counters.security(.kind)
            desk.log.event("kind", "gateway \(link.remote) sent \(hex(header.type)), which is not for a gateway to say; ignored")
        case nil: desk.counters.ignored += 1
        }
    }

    // MARK: - Out

    override func accept(_ header: PacketHeader, _ body: UnsafeRawBufferPointer, on link: Unmanaged<Link>?) {
        guard let link, link._withUnsafeGuaranteedRef({ $0.isOpen }) else {
            desk.counters.goneReplies += 1
            return
        }
        link._withUnsafeGuaranteedRef { append(header, body, on: $0) }
        if !header.isControl { desk.counters.packetsOut += 1 }
    }

    override func answer(_ header: PacketHeader, _ body: UnsafeRawBufferPointer, on link: Unmanaged<Link>) {
        link._withUnsafeGuaranteedRef { link in
            guard link.isOpen else {
                desk.counters.goneReplies += 1
                return
            }
            answer(header, body, on: link)
        }
    }

    @inline(__always)
    private func answer(_ header: PacketHeader, _ body: UnsafeRawBufferPointer, on link: Link) {
        append(header, body, on: link)
        desk.counters.packetsOut += 1
    }

    override func tell(_ frame: UndeliveredFrame) {
        super.tell(frame)
        if link.queued > settings.highWater { bound() }
    }

    @inline(__always)
    private func append(_ header: PacketHeader, _ body: UnsafeRawBufferPointer, on link: Link) {
        link.append(header.length) { target in
            header.store(to: target, format: settings.wire)
            if let start = body.baseAddress { (target + PacketHeader.size).copyMemory(from: start, byteCount: body.count) }
        }
        desk.counters.bytesOut += header.length
        if link.queued > settings.highWater { bound() }
    }

    /// A gateway that does not read is not read either, so that its own requests do not fill its queue; pushes may, up to the limit.
    private func bound() {
        // What is ending discards its input, for which it has to read.
        guard link.isOpen else { return }
        if link.resumeMark == nil {
            link.resumeMark = settings.highWater / 2
            link.pauseReading()
        }
        guard link.queued > settings.maxPending else { return }
        isBounding = true
        link.flushNow()
        isBounding = false
        guard link.isOpen, link.queued > settings.maxPending else { return }
        desk.log.event("slowConsumer", "closing gateway \(link.remote): it does not read; over maxPending: \(settings.maxPending) bytes queued")
        link.abandon(.slowConsumer)
    }

    override func linkDrained(_ link: Link) {
        let wasPaused = (link.resumeMark ?? 0) > 0
        link.resumeMark = nil
        if wasPaused { resume(link) }
        finishIfDone()
    }

    private func resume(_ link: Link) {
        // Inside a push: whoever pushes, perhaps another link's handler, is not to find handlers called meanwhile.
        guard isBounding else { return link.resumeReading() }
        desk.loop.eventLoop.execute { link.resumeReading() }
    }

    // MARK: - Leaving (rule S25)

    private func drainSaid(_ body: ByteBuffer) {
        guard let drain = try? Drain(body: body, format: format) else {
            desk.counters.ignored += 1
            return
        }
        if drain.deadlineMilliseconds > 0 {
            owesDrainAnswer = true
            lanesSettled()
        } else if isLeaving {
            answered()
        }
    }

    override func lanesSettled() {
        guard inLanes == 0 else { return }
        if owesDrainAnswer {
            owesDrainAnswer = false
            link.append(Packet(Drain(deadlineMilliseconds: 0)), format: format)
        }
        finishIfDone()
    }

    /// Says DRAIN; the link is closed when the gateway has stopped, everything that it sent is handled, and the answers are written.
    func leave(deadlineMilliseconds: UInt32) {
        guard !isLeaving, link.isOpen else { return }
        isLeaving = true
        link.append(Packet(Drain(deadlineMilliseconds: deadlineMilliseconds)), format: format)
        desk.loop.arm(leaveTimer, at: desk.loop.now + GatewayLink.drainAnswer)
    }

    private func answered() {
        isAnswered = true
        desk.loop.cancel(leaveTimer)
        finishIfDone()
    }

    private func finishIfDone() {
        guard isAnswered, inLanes == 0 else { return }
        if link.queued > 0 {
            if link.resumeMark == nil { link.resumeMark = 0 }
        } else {
            link.close(.draining)
        }
    }

    override func timerFired(_ timer: LoopTimer) {
        if timer === leaveTimer { return answered() }
        switch heartbeat.check(now: desk.loop.eventLoop.now, lastHeard: link.lastHeard) {
        case .wait(let until): desk.loop.arm(link.timer, at: until)
        case .ping(let lookAgain):
            link.append(Packet(type: ControlType.ping.rawValue), format: format)
            desk.loop.arm(link.timer, at: lookAgain)
        case .giveUp:
            desk.log.event(
                "silent", "gateway \(link.remote) was silent for \(Heartbeat.patience) heartbeats of \(heartbeat.interval.text); closing it")
            link.close(.idle) { $0.append(Packet(Reject(.idle)), format: self.format) }
        }
    }

    override func link(_ link: Link, closed end: LinkEnd) {
        desk.loop.cancel(leaveTimer)
        desk.counters.closed.add(end.code ?? .lost)
        if handle != nil { gateways.remove(handle) }
        withdraw()
        desk.openLinks -= 1
        desk.loop.enterTurn()
    }
}
