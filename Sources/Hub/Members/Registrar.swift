import Links
import Membership
import NIOCore
import Synchronization
import Wire

/// Keeps who is registered, on an event loop of its own, and has routing tables built there: at most one in 10 ms, however many HELLOs come
/// (rule S11, protocol section 4). The loops that carry packets only ever take a finished table.
///
/// `@unchecked Sendable`: confined to ``eventLoop``.
final class Registrar: @unchecked Sendable {
    /// What the rest of the hub does when the registrar says so; each is called on ``eventLoop``.
    struct Effects: Sendable {
        /// Every loop takes the table.
        let publish: @Sendable (RoutingTable) -> Void
        /// Another link has this registration's identity.
        let displace: @Sendable (MemberID, _ loop: Int) -> Void
        /// The hub leaves: these links are told, or closed.
        let leave: @Sendable (DrainOrder.Action, _ loops: [MemberID: Int], _ deadline: NIODeadline) -> Void
    }

    enum Answer {
        /// WELCOME may be written when the table of that version is everywhere.
        case registered(MemberID, cluster: Int, version: UInt64)
        case refused(Refusal)
    }

    static let buildInterval = TimeAmount.milliseconds(10)

    let eventLoop: any EventLoop
    /// Set once before anything is served.
    var effects: Effects!
    private var registry = Registry<TableBuilder.Endpoint>()
    private var builder: TableBuilder
    private var coalescer = Coalescer(interval: Registrar.buildInterval)
    private var drainOrder = DrainOrder()
    /// When the hub's leaving is cut short.
    private var deadline = NIODeadline.distantFuture
    /// Of the table that the next build makes.
    private var nextVersion: UInt64 = 2
    private let counts = Mutex(Counts())

    struct Counts {
        var builds = 0
        var takeovers: [String: Int] = [:]
        var registrations = 0
    }

    init(eventLoop: any EventLoop, loops: Int) {
        self.eventLoop = eventLoop
        builder = TableBuilder(loops: loops)
    }

    /// From any thread.
    var numbers: Counts { counts.withLock { $0 } }

    /// The table that loops have before anyone is registered.
    func emptyTable() -> RoutingTable { builder.build([]) }

    /// Its link is closed. From any thread.
    func forget(_ id: MemberID) { eventLoop.execute { self.remove(id) } }

    // MARK: - Members

    func register(_ member: Member, at endpoint: TableBuilder.Endpoint) -> Answer {
        switch registry.register(member, endpoint: endpoint, now: .now()) {
        case .refused(let refusal):
            return .refused(refusal)
        case .accepted(let id, let displaced):
            let cluster = builder.joined(member)
            if let displaced {
                builder.left(displaced.member)
                effects.displace(displaced.id, displaced.endpoint.loop)
                counts.withLock { $0.takeovers["\(member.identity.role)", default: 0] += 1 }
            }
            return .registered(id, cluster: cluster, version: changed())
        }
    }

    /// A later HELLO. Nil when the registration is gone, whose link learns that by itself.
    func update(_ id: MemberID, to member: Member) -> UInt64? {
        guard registry.update(id, to: member) else { return nil }
        builder.touch(member)
        return changed()
    }

    /// It said DRAIN. Nothing new goes to it when the table of the version returned is everywhere.
    func drain(_ id: MemberID) -> UInt64? {
        guard registry.drain(id), let entry = registry[id] else { return nil }
        builder.touch(entry.member)
        return changed()
    }

    /// Its link is closed.
    private func remove(_ id: MemberID) {
        if let entry = registry[id], registry.remove(id) {
            builder.left(entry.member)
            _ = changed()
        }
        run(drainOrder.gone(id))
    }

    // MARK: - Tables

    private func changed() -> UInt64 {
        if case .build(let at) = coalescer.changed(now: .now()) {
            // Even a build that is due at once waits for what is already in line behind this change.
            if at <= .now() { eventLoop.execute { self.build() } } else { eventLoop.scheduleTask(deadline: at) { self.build() } }
        }
        return nextVersion
    }

    private func build() {
        coalescer.building(now: .now())
        nextVersion += 1
        let table = builder.build(registry.entries)
        let registrations = registry.count
        counts.withLock {
            $0.builds += 1
            $0.registrations = registrations
        }
        effects.publish(table)
    }

    // MARK: - Leaving (rule S25)

    func leave(by deadline: NIODeadline) {
        self.deadline = deadline
        registry.isDraining = true
        let ids = registry.live.map { (id: $0.id, role: $0.member.identity.role) }
        run(drainOrder.begin(front: ids.filter { $0.role == .edge }.map(\.id), back: ids.filter { $0.role == .service }.map(\.id)))
    }

    /// It answered the hub's DRAIN.
    func answered(_ id: MemberID) { run(drainOrder.answered(id)) }

    private func run(_ actions: [DrainOrder.Action]) {
        for action in actions {
            var loops: [MemberID: Int] = [:]
            for entry in registry.live { loops[entry.id] = entry.endpoint.loop }
            effects.leave(action, loops, deadline)
        }
    }
}
