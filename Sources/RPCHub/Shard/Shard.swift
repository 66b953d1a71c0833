import Links
import Logging
import Membership
import NIOCore
import Synchronization
import Telemetry
import Wire

/// Everything that one event loop needs: its links, the calls of its callers, the table of agents of the moment, what it hands to other loops.
///
/// A call belongs to its caller's loop for life; a REQUEST crosses to the loop of its agent, and the answer crosses back.
///
/// `@unchecked Sendable`: confined to ``loop``'s event loop, except ``mailbox``, ``context`` and ``index``.
final class Shard: HubShard, @unchecked Sendable {
    let index: Int
    let loop: LinkLoop
    let context: HubContext<AgentTableBuilder>
    let log: EventLog
    /// What this loop goes by; a reload gives it another.
    private(set) var settings: RPCHubSettings
    /// By ``MemberLink/Port``.
    private(set) var rules: [HelloRules]
    // Of the settings, kept apart because every call asks.
    @exclusivity(unchecked) private(set) var maxPending: Int
    /// Milliseconds that a call has when it names none, and at most.
    @exclusivity(unchecked) private(set) var patience: (usual: Int, most: Int)

    // As in `Link`: what every call touches is confined to the loop and not checked for exclusivity at run time.
    private(set) var table: AgentTable
    @exclusivity(unchecked) private(set) var view: AgentTable.View
    @exclusivity(unchecked) var desk: CallDesk
    /// Agents by slot; an entry whose id is not the table's is of the past.
    @exclusivity(unchecked) var peers = PeerList<MemberLink, AgentGauge>()
    /// Callers of this loop, by slot.
    @exclusivity(unchecked) var callers: [MemberLink?] = []
    let roster: Roster<MemberLink>
    @exclusivity(unchecked) var counters = Counters()
    /// All loops, this one included; set once before anything is served.
    var shards: [Shard] = [] {
        didSet {
            loopCount = shards.count
            outboxes = shards.map { _ in ByteBuffer() }
        }
    }
    @exclusivity(unchecked) private(set) var loopCount = 1
    /// Entries for each other loop, posted at the end of the turn.
    @exclusivity(unchecked) var outboxes: [ByteBuffer] = []
    /// Agents of this loop that got something, or still hold something: how full they are is told to other loops at the turn's end.
    @exclusivity(unchecked) private var touched: [MemberLink] = []
    private(set) var mailbox: Mailbox!
    /// The hub's own door for Thrift callers; set once before anything is served.
    @exclusivity(unchecked) private(set) var door: ThriftAsker?
    private let memoryShare: MemoryBudget.Share
    private let callTimer = LoopTimer()
    /// The tick that ``callTimer`` is armed for.
    @exclusivity(unchecked) private var armedTick = Int.max
    @exclusivity(unchecked) private var draws = UInt64.random(in: 0 ... .max)
    /// Agents have been told to finish: no call is begun any more.
    var takesNoCalls = false
    /// Done when that is so on every loop.
    var callsStopped: EventLoopFuture<Void>?

    init(index: Int, eventLoop: any EventLoop, context: HubContext<AgentTableBuilder>, settings: RPCHubSettings, table: AgentTable) {
        self.index = index
        self.context = context
        self.table = table
        view = table.view
        loop = LinkLoop(eventLoop: eventLoop)
        roster = Roster(loop: loop)
        log = EventLog(context.logger)
        self.settings = settings
        rules = [HelloRules(roles: [.caller], joinList: settings.join), HelloRules(roles: [.agent], joinList: settings.join)]
        maxPending = settings.maxPending
        patience = settings.patience
        desk = CallDesk(window: settings.window)
        memoryShare = context.memory.share()
        door = settings.thrift.map { ThriftAsker(shard: self, rpcID: $0.rpcID) }
        callTimer.aim(at: self)
        mailbox = Mailbox(eventLoop: eventLoop) { [unowned self] batch in receive(batch) }
        loop.turnStarted = { [unowned self] in if loopCount > 1 { mailbox.turnStarted() } }
        loop.turnEnding = { [unowned self] in if loopCount > 1 { exchangeBatches() } }
        loop.turnEnded = { [unowned self] in finishTurn() }
    }

    /// Goes by other settings from here on (rule S26).
    func take(_ settings: RPCHubSettings) {
        self.settings = settings
        rules = rules.map { HelloRules($0, joinList: settings.join) }
        maxPending = settings.maxPending
        patience = settings.patience
        desk.window = settings.window
        if let thrift = settings.thrift { door?.rpcID = thrift.rpcID }
    }

    private func exchangeBatches() {
        mailbox.collect()
        postOutboxes()
    }

    private func finishTurn() {
        if loopCount > 1 {
            publishGauges()
            // What a flush has found out about dead links, in part for other loops.
            postOutboxes()
            mailbox.turnEnded()
        }
        // With a door, that tells what this loop's links hold, its own included.
        if door == nil { memoryShare.publish(loop.queuedBytes + loop.keptBytes) }
    }

    /// A random number, for choices that nobody need guess.
    @inline(__always)
    func draw() -> UInt64 {
        draws ^= draws << 13
        draws ^= draws >> 7
        draws ^= draws << 17
        return draws
    }

    // MARK: - Tables

    /// Takes a new table. What this loop had decided by the last one has been handed over when the others hear of it.
    func take(_ table: AgentTable) {
        loop.enterTurn()
        postOutboxes()
        self.table = table
        view = table.view
        peers.makeRoom(for: table.gauges.count)
        roster.tableChanged()
        guard table.taken() else { return }
        let version = table.version
        for shard in shards { shard.loop.eventLoop.execute { shard.published(version) } }
    }

    /// Whether the agent in that slot of the table is the one in ``peers``.
    @inline(__always)
    func isMet(_ slot: Int) -> Bool {
        let id = view.places[slot].id
        return peers[slot].id == id && id != 0 || meet(slot, id)
    }

    private func meet(_ slot: Int, _ id: UInt64) -> Bool {
        let owner = view.places[slot].loop
        // One of this loop's that is not known here is gone, and the next table will say so.
        guard id != 0, owner != index, let gauge = table.gauges[slot] else { return false }
        return seat(Peer(id: id, loop: owner, gauge: gauge), gauge, at: slot)
    }

    /// An agent of this loop is registered: it can be found before any table names it.
    func own(_ agent: MemberLink) {
        let slot = MemberID(raw: agent.id).slot
        peers.makeRoom(for: slot + 1)
        seat(Peer(id: agent.id, loop: index, gauge: agent.gauge, link: agent), agent.gauge, at: slot)
    }

    @discardableResult
    private func seat(_ peer: Peer<MemberLink, AgentGauge>, _ gauge: AgentGauge, at slot: Int) -> Bool {
        guard peers.seat(peer, gauge, at: slot) else { return false }
        desk.meet(agent: peer.id, gauge: gauge)
        return true
    }

    /// The agent of that registration, if it is this loop's and its link stands.
    func agent(_ id: UInt64) -> MemberLink? { peers.link(of: id) }

    /// The caller of that registration, while its link stands.
    @inline(__always)
    func caller(_ id: UInt64) -> MemberLink? {
        let slot = MemberID(raw: id).slot
        guard slot < callers.count, let caller = callers[slot], caller.id == id else { return nil }
        return caller
    }

    /// Something was queued for an agent of this loop.
    @inline(__always)
    func touch(_ member: MemberLink) {
        guard !member.isTouched, loopCount > 1 else { return }
        member.isTouched = true
        touched.append(member)
    }

    private func publishGauges() {
        guard !touched.isEmpty else { return }
        touched.removeAll { member in
            let queued = member.link.isOpen ? member.queued : 0
            member.gauge.bytes.queued.store(queued, ordering: .relaxed)
            member.isTouched = queued > 0
            return queued == 0
        }
    }

    // MARK: - Timers

    /// Makes sure that the first deadline is seen in its time.
    @inline(__always)
    func armCalls() {
        if desk.nextDue < armedTick { rearmCalls() }
    }

    private func rearmCalls() {
        armedTick = desk.nextDue
        guard armedTick != .max else { return loop.cancel(callTimer) }
        loop.arm(callTimer, at: .uptimeNanoseconds(UInt64(max(armedTick, 0)) * 10_000_000))
    }
}

extension Shard: TimerTarget {
    func timerFired(_ timer: LoopTimer) {
        expireCalls()
        armedTick = .max
        armCalls()
    }
}

extension RPCHubSettings {
    fileprivate var patience: (usual: Int, most: Int) {
        (Int(timeout.nanoseconds / 1_000_000), Int(maxTimeout.nanoseconds / 1_000_000))
    }
}
