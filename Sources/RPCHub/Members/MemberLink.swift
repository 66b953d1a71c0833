import Links
import Logging
import Membership
import NIOCore
import Sessions
import Synchronization
import Telemetry
import Wire

/// One caller's or agent's link: what it registers as, what goes to it, its end. Its frames come in in `MemberLink+frames`.
///
/// `@unchecked Sendable`: confined to its shard's event loop.
final class MemberLink: LinkOwner, HubMember, MemberShellUser, @unchecked Sendable {
    /// Who dials this port.
    enum Port: Int, CaseIterable {
        case callers, agents
        var side: Side { self == .callers ? .callers : .agents }
    }

    let shard: Shard
    let port: Port
    let link: Link
    let shell: MemberShell
    /// ``MemberID/raw``; 0 before it is registered.
    @exclusivity(unchecked) private(set) var id: UInt64 = 0
    /// A caller's identify id, or an agent's instance id.
    @exclusivity(unchecked) private(set) var node: UInt64 = 0
    /// Calls flow: WELCOME is written. Kept apart because every frame asks.
    @exclusivity(unchecked) private(set) var isWelcomed = false
    @exclusivity(unchecked) var framing: RPCFraming
    let gauge = AgentGauge(window: 0)
    /// What came for it before its WELCOME could be written.
    private var early = ByteBuffer()
    /// On the list of those whose queue is told to other loops.
    @exclusivity(unchecked) var isTouched = false
    private var isAdmitted = false
    private var isGone = false

    init(shard: Shard, port: Port) {
        self.shard = shard
        self.port = port
        let settings = shard.settings
        framing = RPCFraming(maxFrame: settings.maxFrame)
        link = Link(loop: shard.loop)
        shell = MemberShell(link, on: shard.loop, wire: RPCHubWire(), port: "\(port)", heartbeat: settings.heartbeat, log: shard.log)
        link.serve(self)
        shell.serve(self)
    }

    var side: Side { port.side }
    var rules: HelloRules { shard.rules[port.rawValue] }

    func description(of link: Link) -> LinkDescription {
        LinkDescription(side: side, name: shell.known.map { "\($0.identity) (\($0.name))" }, framing: .rpc)
    }

    // MARK: - Coming

    func linkOpened(_ link: Link) {
        shard.roster.came(self)
        let context = shard.context
        isAdmitted = context.admission.admit(link.remoteHost)
        shell.opened(isAdmitted: isAdmitted, memory: context.memory, isLeaving: shard.roster.isLeaving)
    }

    func register(_ member: Member) {
        gauge.setWindow(member.window)
        shard.register(member, at: AgentTableBuilder.Endpoint(loop: shard.index, gauge: gauge)) { answer in
            switch answer {
            case .registered(let id, _, let version): self.registered(id, version)
            case .refused(let refusal): self.shell.refusedByRegistry(refusal)
            }
        }
    }

    private func registered(_ id: MemberID, _ version: UInt64) {
        guard let member = shell.registered(id, version: version) else { return shard.context.registrar.forget(id) }
        self.id = id.raw
        node = member.identity.node
        if port == .agents { shard.own(self) } else { shard.ownCaller(self) }
    }

    func update(to member: Member) {
        guard let id = shell.memberID else { return }
        gauge.setWindow(member.window)
        shard.ask({ $0.update(id, to: member) }, then: { self.shell.updated(version: $0) })
    }

    /// It leaves: it gets nothing new, and hears when that is so on every loop.
    func drains() {
        guard let id = shell.memberID else { return }
        shard.ask({ $0.drain(id) }, then: { self.shell.drains(version: $0) })
    }

    func awaitPublication() { shard.roster.awaitPublication(self) }

    var welcomeWords: Welcome {
        let settings = shard.settings
        return Welcome(
            hub: settings.id, heartbeatMilliseconds: shell.heartbeatMilliseconds,
            maxFrame: UInt32(clamping: settings.maxFrame), name: settings.name)
    }

    var peersNow: (version: UInt64, list: Peers) { port == .callers ? shard.table.peers : (1, .ranges([])) }

    func welcomed() {
        isWelcomed = true
        let waiting = takeEarly()
        shard.counters.agents.bytesOut += waiting.readableBytes
        link.append(waiting)
    }

    func breached(_ kind: SecurityKind) { shard.counters.security(kind) }

    // MARK: - Out

    /// Every byte that waits for it.
    @inline(__always)
    var queued: Int { isWelcomed ? link.queued : link.queued + early.readableBytes }

    /// Queues a frame. A caller that does not read its answers costs its own link (rule S14).
    @inline(__always)
    func append(_ header: RPCHeader, _ payload: UnsafeRawPointer) {
        guard isWelcomed else { return keepEarly(header, payload) }
        link.append(header.length) { target in
            header.store(to: target)
            (target + RPCHeader.size).copyMemory(from: payload, byteCount: header.payloadCount)
        }
        if port == .agents {
            shard.counters.agents.bytesOut += header.length
            shard.touch(self)
        } else {
            shard.counters.callers.bytesOut += header.length
            if link.queued > shard.maxPending { closeIfSlow(shard.maxPending) }
        }
    }

    private func keepEarly(_ header: RPCHeader, _ payload: UnsafeRawPointer) {
        early.writeRPCHeader(header)
        early.writeBytes(UnsafeRawBufferPointer(start: payload, count: header.payloadCount))
    }

    func takeEarly() -> ByteBuffer {
        let waiting = early
        early = ByteBuffer()
        return waiting
    }

    /// Queues what the hub itself has to tell; that may use one eighth beyond the limit (rule S13).
    func say(_ frame: RPCUndelivered) {
        link.append(frame.header.length) { frame.store(to: $0) }
        closeIfSlow(shard.maxPending + shard.maxPending / 8)
    }

    func say(_ header: RPCHeader, _ payload: UnsafeRawPointer) {
        link.append(header.length) { target in
            header.store(to: target)
            (target + RPCHeader.size).copyMemory(from: payload, byteCount: header.payloadCount)
        }
        closeIfSlow(shard.maxPending + shard.maxPending / 8)
    }

    private func closeIfSlow(_ limit: Int) {
        guard link.queued > limit else { return }
        // What the socket would take right now does not count.
        link.flushNow()
        guard link.queued > limit else { return }
        shard.log.event("slow", "closing \(shell.name): it does not read what it is told; \(link.queued) bytes queued")
        link.abandon(.slowConsumer)
    }

    func linkDrained(_ link: Link) { shell.drained() }

    // MARK: - Going

    /// Its calls end now, not when its link has been closed in order (rule S2). What was never written goes to another agent.
    func closing() {
        guard id != 0 else { return }
        if port == .agents { gone(link.takeBack()) } else { shard.callerGone(self) }
    }

    /// An agent's answers are taken no more: said once, by whatever comes first.
    private func gone(_ held: [ByteBuffer]) {
        guard !isGone else { return }
        isGone = true
        shard.agentGone(self, held)
    }

    func link(_ link: Link, closed end: LinkEnd) {
        shard.roster.left(self)
        shard.counters[port].closed.add(end.code ?? .lost)
        if isAdmitted { shard.context.admission.release(link.remoteHost) }
        shell.closed(end)
        guard id != 0 else { return shard.roster.settled() }
        isWelcomed = false
        if port == .agents { gone(end.remains.held) } else { shard.callerGone(self) }
        // What that has told other loops is on its way before the registration goes.
        shard.postOutboxes()
        shard.context.registrar.forget(MemberID(raw: id))
        shard.roster.settled()
    }

    func timerFired(_ timer: LoopTimer) { shell.timerFired() }
}

extension Shard {
    /// A caller of this loop is registered.
    func ownCaller(_ caller: MemberLink) {
        let slot = MemberID(raw: caller.id).slot
        if slot >= callers.count { callers.append(contentsOf: repeatElement(nil, count: slot + 1 - callers.count)) }
        // The same identity on a link that this one has taken over from.
        if let old = callers[slot] { callerGone(old) }
        callers[slot] = caller
        desk.joined(caller: caller.id, node: caller.node)
    }

    func callerGone(_ caller: MemberLink) {
        let slot = MemberID(raw: caller.id).slot
        if callers[slot] === caller { callers[slot] = nil }
        forgetCalls(of: caller)
    }

    /// The live link of this loop with that registration.
    func member(_ id: MemberID) -> MemberLink? { agent(id.raw) ?? caller(id.raw) }
}
