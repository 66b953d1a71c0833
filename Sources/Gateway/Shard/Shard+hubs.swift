import DequeModule
import Links
import Logging
import Membership
import NIOCore
import Routing
import Sessions
import Synchronization
import Wire

/// A loop's view of the hubs (rules S4, S12, S30).
extension Shard {
    /// A hub came up, said what it reaches, drains, or is gone.
    func hubChanged(_ id: Int, _ change: HubChange) {
        loop.enterTurn()
        let connection = connections[id]
        let rank = connection.trunk.rank
        switch change {
        case .up(let hubID):
            connection.state = .up
            let isDouble = hubs.welcome(connection, id: hubID, rank: rank)
            if isDouble, connection.loop == index { logDouble(connection, hubID) }
            tellKeptClosings()
        case .reaches(let peers):
            hubs.reach(HubChoice.Reach(peers), rank: rank)
        case .draining:
            connection.state = .draining
            hubs.drain(rank: rank)
        case .down:
            connection.state = .down
            hubs.remove(rank: rank)
        }
        if connection.state != .up { resumeClients(of: connection) }
        for route in routes where route.kind == .hubs && !route.waiting.isEmpty { releaseWaitingForHubs(route) }
    }

    private func logDouble(_ connection: Connection, _ id: UInt64) {
        log.event(
            "hubID", level: .error,
            "hub \(connection.trunk.address) has the id \(id) of another live hub; only the one first in hubs.to is used. Give each hub its own hub.id"
        )
    }

    /// The connection for a packet whose client need not be here any more.
    func connection(for header: PacketHeader, on route: ShardRoute) -> Connection? {
        let slot = Choice.slot(of: header.session)
        guard route.kind == .hubs else { return route.live[slot]?.takeUnretainedValue() }
        return header.isControl ? hubs.chooseAny(slot: slot) : hubs.choose(UInt32(header.type), slot: slot)
    }

    /// Whether another connection lives that would take the packet, and is not full itself.
    func hasRoom(for header: PacketHeader, on route: ShardRoute) -> Bool {
        guard let next = connection(for: header, on: route) else { return false }
        return next.queued <= route.busyMark
    }

    /// The route that a packet on a connection counts for: hubs carry those of several.
    func route(of header: PacketHeader, on connection: Connection) -> ShardRoute {
        guard connection.route.kind == .hubs, !header.isControl else { return connection.route }
        let route = route(of: header.type)
        return route.kind == .hubs ? route : connection.route
    }

    /// What failing fast says on a route (rules S4, S19, S30).
    func absence(on route: ShardRoute) -> Code {
        guard route.kind == .hubs else { return route.absence }
        return switch hubs.absence {
        case .noHub: .noPeer
        case .draining: .draining
        case .unlisted: .noRoute
        }
    }

    // MARK: - Waiting for a hub that lists the type (rule S4)

    /// What a hub takes now goes out, each type in the order in which it came; the rest waits on.
    private func releaseWaitingForHubs(_ route: ShardRoute) {
        var waiting = route.waiting
        route.waiting = WaitingPackets()
        // The end of a session goes behind its packets.
        var kept = Set<UInt64>()
        while let entry = waiting.popFirst() {
            let isReady = !(entry.isNotice && kept.contains(entry.header.session)) && connection(for: entry.header, on: route) != nil
            guard isReady else {
                kept.insert(entry.header.session)
                route.waiting.append(entry)
                continue
            }
            route.waitingTotal.value.wrappingSubtract(entry.header.length, ordering: .relaxed)
            send(entry.header, entry.body, on: route, isNotice: entry.isNotice)
        }
        if route.waiting.isEmpty { loop.cancel(route.waitTimer) }
    }

    // MARK: - SESSION_CLOSED over hubs (rule S12)

    /// Tells the hub of the session's choice; while there is none it is kept.
    func tellHubs(_ closing: KeptClosings.Closing) {
        let packet = Packet(SessionClosed(code: closing.code), user: closing.user, es: esID, session: closing.session)
        let route = routes[hubsIndex]
        if connection(for: packet.header, on: route) != nil {
            send(packet.header, packet.body, on: route, isNotice: true)
        } else if context.keptClosings.keep(closing) {
            counters.unheardClosings += 1
        }
    }

    private func tellKeptClosings() {
        guard hubs.chooseAny(slot: 0) != nil else { return }
        for closing in context.keptClosings.takeAll() { tellHubs(closing) }
    }

    /// A packet came over a hub for a session that is gone: who sent it hears so, like everyone.
    func tellGone(_ session: UInt64) {
        guard recentlyGone.admits(session, now: loop.now) else { return }
        tellHubs(.init(session: session, user: 0, code: Code.noPeer.rawValue))
    }
}
