import Links
import Logging
import Membership
import NIOCore
import Sessions
import Telemetry
import Wire

/// One edge's or service's link: what it registers as, what goes to it, its end. Its packets come in in `MemberLink+packets`.
///
/// `@unchecked Sendable`: confined to its shard's event loop.
final class MemberLink: LinkOwner, HubMember, MemberShellUser, @unchecked Sendable {
    /// Who dials this port.
    enum Port: Int, CaseIterable {
        case edges, services
        /// Where what comes in here goes to.
        var other: Port { self == .edges ? .services : .edges }
        var side: Side { self == .edges ? .edges : .services }
    }

    let shard: Shard
    let port: Port
    let link: Link
    let shell: MemberShell
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
    /// On the list of those whose queue is told to other loops.
    @exclusivity(unchecked) var isTouched = false
    private var isAdmitted = false

    init(shard: Shard, port: Port) {
        self.shard = shard
        self.port = port
        link = Link(loop: shard.loop)
        shell = MemberShell(link, on: shard.loop, wire: PacketHubWire(), port: "\(port)", heartbeat: shard.settings.heartbeat, log: shard.log)
        link.serve(self)
        shell.serve(self)
    }

    var rules: HelloRules { shard.rules[port.rawValue] }

    var side: Side { port.side }
    var name: String { shell.name }
    var memberID: MemberID? { id == 0 ? nil : MemberID(raw: id) }
    /// Whether it can be given anything.
    var isUsable: Bool { shell.isUsable }

    func description(of link: Link) -> LinkDescription {
        LinkDescription(side: side, name: shell.known.map { "\($0.identity) (\($0.name))" })
    }

    // MARK: - Coming

    func linkOpened(_ link: Link) {
        shard.roster.came(self)
        let context = shard.context
        isAdmitted = context.admission.admit(link.remoteHost)
        shell.opened(isAdmitted: isAdmitted, memory: context.memory, isLeaving: shard.roster.isLeaving)
    }

    func register(_ member: Member) {
        shard.register(member, at: TableBuilder.Endpoint(loop: shard.index, gauge: gauge)) { answer in
            switch answer {
            case .registered(let id, let place, let version): self.registered(id, cluster: place, version: version)
            case .refused(let refusal): self.shell.refusedByRegistry(refusal)
            }
        }
    }

    func update(to member: Member) {
        guard let id = shell.memberID else { return }
        // The list that judged it may be another one by now (rule S26).
        may = member.may
        shard.ask({ $0.update(id, to: member) }, then: { self.shell.updated(version: $0) })
    }

    func awaitPublication() { shard.roster.awaitPublication(self) }
    func breached(_ kind: SecurityKind) { shard.counters.security(kind) }

    /// The registry has taken it.
    private func registered(_ id: MemberID, cluster place: Int, version: UInt64) {
        // It may have ended while the registry looked at it.
        guard let member = shell.registered(id, version: version) else { return shard.context.registrar.forget(id) }
        self.id = id.raw
        cluster = member.cluster
        clusterPlace = place
        may = member.may
        if case .edge(let es) = member.identity { self.es = es }
        shard.own(self)
    }

    var welcomeWords: Welcome {
        let settings = shard.settings
        return Welcome(hub: settings.id, heartbeatMilliseconds: shell.heartbeatMilliseconds, maxFrame: 0xFFFF, name: settings.name)
    }

    func welcomed() {
        isWelcomed = true
        let waiting = early
        early = ByteBuffer()
        waiting.forEachPacket { header, packet, position in append(packet, count: header.length, origin: earlyOrigins[position.index]) }
        earlyOrigins = []
    }

    // MARK: - Out

    /// Every byte that waits for it.
    @inline(__always)
    var queued: Int { isWelcomed ? link.queued : link.queued + early.readableBytes }

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

    /// What it can reach now; equal versions are equal lists.
    var peersNow: (version: UInt64, list: Peers) {
        guard let table = shard.table.clusters[clusterPlace] else { return (0, .ranges([])) }
        return port == .edges ? table.peersOfEdges : table.peersOfServices
    }

    // MARK: - Going

    func linkDrained(_ link: Link) { shell.drained() }

    func link(_ link: Link, closed end: LinkEnd) {
        shell.closed(end)
        shard.roster.left(self)
        shard.counters[port].closed.add(end.code ?? .lost)
        if isAdmitted { shard.context.admission.release(link.remoteHost) }
        guard let memberID else { return shard.roster.settled() }
        shard.disown(self)
        // After what it has said on this loop has been handed over, so that whoever waits for its end has that.
        shard.postOutboxes()
        shard.context.registrar.forget(memberID)
        settle(end.remains)
        settleEarly(early, earlyOrigins)
        early = ByteBuffer()
        shard.roster.settled()
    }

    func timerFired(_ timer: LoopTimer) { shell.timerFired() }
}
