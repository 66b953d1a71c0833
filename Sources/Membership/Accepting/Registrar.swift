package import NIOCore
import Synchronization
import Wire

/// What a registrar knows of the link of one registration.
package protocol MemberEndpoint: Sendable {
    /// The event loop that owns the link.
    var loop: Int { get }
}

/// Makes the tables of one kind of hub from who is registered. Pure.
package protocol MembershipTables: SendableMetatype {
    associatedtype Endpoint: MemberEndpoint
    associatedtype Table: Sendable
    /// What a link is told of the place of its cluster.
    associatedtype Place: Sendable
    /// A member came.
    mutating func joined(_ member: Member) -> Place
    /// A member said or did something that changes tables.
    mutating func touched(_ member: Member)
    mutating func left(_ member: Member)
    /// By the registrations' slots.
    mutating func build(_ entries: [Registry<Endpoint>.Entry?]) -> Table
}

/// Keeps who is registered, on an event loop of its own, and has routing tables built there: at most one in 10 ms, however many HELLOs come
/// (rule S11, protocol section 4). The loops that carry packets only ever take a finished table.
///
/// `@unchecked Sendable`: confined to ``eventLoop``, except for what says that it may come from any thread.
package final class Registrar<Tables: MembershipTables>: @unchecked Sendable {
    /// What the rest of the hub does when the registrar says so; each is called on ``eventLoop``.
    package struct Effects: Sendable {
        /// Every loop takes the table.
        let publish: @Sendable (Tables.Table) -> Void
        /// Another link has this registration's identity.
        let displace: @Sendable (MemberID, _ loop: Int) -> Void
        /// The hub leaves: these links are told, or closed.
        let leave: @Sendable (DrainOrder.Action, _ loops: [MemberID: Int], _ deadline: NIODeadline) -> Void

        package init(
            publish: @escaping @Sendable (Tables.Table) -> Void, displace: @escaping @Sendable (MemberID, _ loop: Int) -> Void,
            leave: @escaping @Sendable (DrainOrder.Action, _ loops: [MemberID: Int], _ deadline: NIODeadline) -> Void
        ) {
            self.publish = publish
            self.displace = displace
            self.leave = leave
        }
    }

    package enum Answer {
        /// WELCOME may be written when the table of that version is everywhere.
        case registered(MemberID, place: Tables.Place, version: UInt64)
        case refused(Refusal)
    }

    static var buildInterval: TimeAmount { .milliseconds(10) }

    package let eventLoop: any EventLoop
    /// Set once before anything is served.
    package var effects: Effects!
    private var registry = Registry<Tables.Endpoint>()
    private var builder: Tables
    private var coalescer = Coalescer(interval: Registrar.buildInterval)
    private var drainOrder = DrainOrder()
    /// When the hub's leaving is cut short.
    private var deadline = NIODeadline.distantFuture
    /// Of the table that the next build makes.
    private var nextVersion: UInt64 = 2
    private let counts = Mutex(Counts())

    package struct Counts {
        package var builds = 0
        package var takeovers: [String: Int] = [:]
        package var registrations = 0
    }

    package init(eventLoop: any EventLoop, tables: Tables) {
        self.eventLoop = eventLoop
        builder = tables
    }

    /// From any thread.
    package var numbers: Counts { counts.withLock { $0 } }

    /// The table that loops have before anyone is registered.
    package func emptyTable() -> Tables.Table { builder.build([]) }

    /// Its link is closed. From any thread.
    package func forget(_ id: MemberID) { eventLoop.execute { self.remove(id) } }

    // MARK: - Members

    package func register(_ member: Member, at endpoint: Tables.Endpoint) -> Answer {
        eventLoop.assertInEventLoop()
        switch registry.register(member, endpoint: endpoint, now: .now()) {
        case .refused(let refusal):
            return .refused(refusal)
        case .accepted(let id, let displaced):
            let place = builder.joined(member)
            if let displaced {
                builder.left(displaced.member)
                effects.displace(displaced.id, displaced.endpoint.loop)
                counts.withLock { $0.takeovers["\(member.identity.role)", default: 0] += 1 }
            }
            return .registered(id, place: place, version: changed())
        }
    }

    /// A later HELLO. Nil when the registration is gone, whose link learns that by itself.
    package func update(_ id: MemberID, to member: Member) -> UInt64? {
        eventLoop.assertInEventLoop()
        guard registry.update(id, to: member) else { return nil }
        builder.touched(member)
        return changed()
    }

    /// It said DRAIN. Nothing new goes to it when the table of the version returned is everywhere.
    package func drain(_ id: MemberID) -> UInt64? {
        eventLoop.assertInEventLoop()
        guard registry.drain(id), let entry = registry[id] else { return nil }
        builder.touched(entry.member)
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

    package func leave(by deadline: NIODeadline) {
        eventLoop.assertInEventLoop()
        self.deadline = deadline
        registry.isDraining = true
        let ids = registry.live.map { (id: $0.id, role: $0.member.identity.role) }
        let (front, back) = (ids.filter { $0.role == .edge || $0.role == .caller }, ids.filter { $0.role == .service || $0.role == .agent })
        run(drainOrder.begin(front: front.map(\.id), back: back.map(\.id)))
    }

    /// It answered the hub's DRAIN. From any thread.
    package func answered(_ id: MemberID) { eventLoop.execute { self.run(self.drainOrder.answered(id)) } }

    private func run(_ actions: [DrainOrder.Action]) {
        eventLoop.assertInEventLoop()
        for action in actions {
            var loops: [MemberID: Int] = [:]
            for entry in registry.live { loops[entry.id] = entry.endpoint.loop }
            effects.leave(action, loops, deadline)
        }
    }
}
