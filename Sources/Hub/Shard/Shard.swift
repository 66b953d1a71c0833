import Links
import Logging
import Membership
import NIOCore
import Synchronization
import Telemetry
import Wire

/// Everything that one event loop needs: its links, the routing table of the moment, what it hands to other loops, its counters.
///
/// `@unchecked Sendable`: confined to ``loop``'s event loop, except ``mailbox``, ``context`` and ``index``.
final class Shard: HubShard, @unchecked Sendable {
    let index: Int
    let loop: LinkLoop
    let context: HubContext<TableBuilder>
    let log: EventLog
    /// What this loop goes by; a reload gives it another.
    private(set) var settings: HubSettings
    /// By ``MemberLink/Port``.
    private(set) var rules: [HelloRules]
    /// Of the settings, kept apart because every packet asks.
    @exclusivity(unchecked) private(set) var maxPending: Int

    private(set) var table: RoutingTable
    // As in `Link`: what every packet touches is confined to the loop and not checked for exclusivity at run time.
    @exclusivity(unchecked) private(set) var view: TableView
    /// By slot; an entry whose id is not the table's is of the past.
    @exclusivity(unchecked) var peers = PeerList<MemberLink, LinkGauge>()
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
    /// Links of this loop that got something, or still hold something: how full they are is told to other loops at the turn's end.
    @exclusivity(unchecked) private var touched: [MemberLink] = []
    private(set) var mailbox: Mailbox!
    private let memoryShare: MemoryBudget.Share

    init(index: Int, eventLoop: any EventLoop, context: HubContext<TableBuilder>, settings: HubSettings, table: RoutingTable) {
        self.index = index
        self.context = context
        self.table = table
        view = table.view
        loop = LinkLoop(eventLoop: eventLoop)
        roster = Roster(loop: loop)
        log = EventLog(context.logger)
        self.settings = settings
        rules = [HelloRules(roles: [.edge], joinList: settings.join), HelloRules(roles: [.service], joinList: settings.join)]
        maxPending = settings.maxPending
        memoryShare = context.memory.share()
        mailbox = Mailbox(eventLoop: eventLoop) { [unowned self] batch in receive(batch) }
        loop.turnStarted = { [unowned self] in if loopCount > 1 { mailbox.turnStarted() } }
        loop.turnEnding = { [unowned self] in if loopCount > 1 { exchangeBatches() } }
        loop.turnEnded = { [unowned self] in finishTurn() }
    }

    /// Goes by other settings from here on (rule S26).
    func take(_ settings: HubSettings) {
        self.settings = settings
        rules = rules.map { HelloRules($0, joinList: settings.join) }
        maxPending = settings.maxPending
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
        memoryShare.publish(loop.queuedBytes + loop.keptBytes)
    }

    // MARK: - Tables

    /// Takes a new table. What this loop had decided by the last one has been handed over when the others hear of it.
    func take(_ table: RoutingTable) {
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

    /// Whether the registration in that slot of the table is the one in ``peers``.
    @inline(__always)
    func isMet(_ slot: Int) -> Bool {
        let id = view.places[slot].id
        return peers[slot].id == id && id != 0 || meet(slot, id)
    }

    private func meet(_ slot: Int, _ id: UInt64) -> Bool {
        let owner = Int(view.places[slot].loop)
        // One of this loop's that is not known here is gone, and the next table will say so.
        guard id != 0, owner != index, let gauge = table.gauges[slot] else { return false }
        return peers.seat(Peer(id: id, loop: owner, gauge: gauge), gauge, at: slot)
    }

    /// A link of this loop is registered: it can be found before any table names it.
    func own(_ member: MemberLink) {
        let slot = MemberID(raw: member.id).slot
        peers.makeRoom(for: slot + 1)
        peers.seat(Peer(id: member.id, loop: index, gauge: member.gauge, link: member), member.gauge, at: slot)
    }

    /// The live link of this loop with that registration.
    func member(_ id: MemberID) -> MemberLink? { peers.link(of: id.raw) }

    func sayDrain(_ id: MemberID, milliseconds: UInt32) { member(id)?.shell.sayDrain(milliseconds: milliseconds) }

    func disown(_ member: MemberLink) {
        guard peers.slot(of: member.id) != nil else { return }
        peers.linkIsGone(member.id)
        member.gauge.queued.store(0, ordering: .relaxed)
    }

    /// Something was queued for a link of this loop.
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
            member.gauge.queued.store(queued, ordering: .relaxed)
            member.isTouched = queued > 0
            return queued == 0
        }
    }
}
