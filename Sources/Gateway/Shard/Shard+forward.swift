import Links
import NIOCore
import Routing
import Synchronization
import Wire

/// From clients to upstreams.
extension Shard {
    /// Sends a stamped packet on its way, or answers for it at once (rules S1, S4, S6, S13).
    @inline(__always)
    func forward(_ header: PacketHeader, _ body: UnsafeRawPointer, from client: ClientLink, on route: ShardRoute) {
        guard let connection = route.live[client.slot], header.length <= route.format.maxPacket else {
            return sendElsewhere(header, body, from: client, on: route)
        }
        connection._withUnsafeGuaranteedRef { put(header, body, from: client, on: route, to: $0) }
    }

    /// Over a hub; or there is no way now.
    private func sendElsewhere(_ header: PacketHeader, _ body: UnsafeRawPointer, from client: ClientLink, on route: ShardRoute) {
        guard route.kind == .hubs, header.length <= route.format.maxPacket,
            let connection = hubs.choose(UInt32(header.type), slot: client.slot)
        else { return unroutable(header, body, from: client, on: route) }
        put(header, body, from: client, on: route, to: connection)
    }

    /// Into the connection's queue, or into the batch for the loop that has it.
    @inline(__always)
    private func put(
        _ header: PacketHeader, _ body: UnsafeRawPointer, from client: ClientLink, on route: ShardRoute, to connection: Connection
    ) {
        if let link = connection.linkReference {
            let isTaken = link._withUnsafeGuaranteedRef { link in
                let queued = link.queued
                guard queued <= route.busyMark else { return false }
                link.append(header, body, format: route.format)
                if queued + header.length > route.highWater { pause(client, on: connection, link) }
                return true
            }
            guard isTaken else { return undeliverable(.busy, header, body, to: client, route: route) }
        } else {
            let pending = connection.pendingRemotely
            guard pending <= route.busyMark else { return undeliverable(.busy, header, body, to: client, route: route) }
            cross(Crossing(.toUpstream, target: UInt64(connection.id), count: header.length), to: connection.loop) { target in
                header.store(to: target, format: route.format)
                (target + PacketHeader.size).copyMemory(from: body, byteCount: header.bodyCount)
            }
            stage(header.length, for: connection)
            if pending + header.length > route.highWater { pauseRemotely(client, on: connection) }
        }
        client.carried.insert(route.index)
        route.counters.packetsIn += 1
    }

    private func unroutable(_ header: PacketHeader, _ body: UnsafeRawPointer, from client: ClientLink, on route: ShardRoute) {
        if header.length > route.format.maxPacket { return undeliverable(.tooLarge, header, body, to: client, route: route) }
        guard let patience = route.settings.waitForPeer, route.kind != .none else {
            return undeliverable(absence(on: route), header, body, to: client, route: route)
        }
        let total = route.waitingTotal
        guard total.value.load(ordering: .relaxed) + header.length <= route.settings.waitBytes else {
            return undeliverable(.busy, header, body, to: client, route: route)
        }
        let bytes = UnsafeRawBufferPointer(start: body, count: header.bodyCount)
        wait(.init(since: loop.now, deadline: loop.now + patience, header: header, body: ByteBuffer(bytes: bytes), isNotice: false), on: route)
        client.carried.insert(route.index)
    }

    private func wait(_ entry: WaitingPackets.Entry, on route: ShardRoute) {
        route.waiting.append(entry)
        route.waitingTotal.value.wrappingAdd(entry.header.length, ordering: .relaxed)
        if !route.waitTimer.isArmed {
            route.waitTimer.aim(at: self)
            loop.arm(route.waitTimer, at: entry.deadline)
        }
    }

    // MARK: - Waiting for an upstream (rule S4)

    /// An upstream is up: what waited goes out in the order in which it came.
    func releaseWaiting(_ route: ShardRoute) {
        while !route.live.isEmpty, let entry = route.waiting.popFirst() {
            route.waitingTotal.value.wrappingSubtract(entry.header.length, ordering: .relaxed)
            send(entry.header, entry.body, on: route, isNotice: entry.isNotice)
        }
        if route.waiting.isEmpty { loop.cancel(route.waitTimer) }
    }

    fileprivate func expireWaiting(_ route: ShardRoute) {
        let now = loop.eventLoop.now
        while let entry = route.waiting.popExpired(now: now) {
            route.waitingTotal.value.wrappingSubtract(entry.header.length, ordering: .relaxed)
            if entry.isNotice {
                // The hubs are told all the same; over a route of its own there is no one.
                if route.kind == .hubs { resendNotice(entry.header, entry.body, on: route) } else { counters.unheardClosings += 1 }
            } else {
                undeliverable(absence(on: route), entry.header, entry.body, session: entry.header.session, route: route)
            }
        }
        if let next = route.waiting.nextDeadline { loop.arm(route.waitTimer, at: next) }
    }

    /// Sends a packet whose client need not be here any more: one that waited, one that is re-routed, a SESSION_CLOSED.
    /// - Parameter isRerouted: it is not re-routed again (rule S3).
    func send(_ header: PacketHeader, _ body: ByteBuffer, on route: ShardRoute, isNotice: Bool, isRerouted: Bool = false) {
        guard let connection = connection(for: header, on: route) else { return }
        body.withUnsafeReadableBytes { bytes in
            let fill: (UnsafeMutableRawPointer) -> Void = { target in
                header.store(to: target, format: route.format)
                if let start = bytes.baseAddress { (target + PacketHeader.size).copyMemory(from: start, byteCount: bytes.count) }
            }
            if let link = connection.link {
                if isRerouted { connection.upstream?.rerouted.note(link.endOffset, count: header.length) }
                link.append(header.length, fill)
            } else {
                let kind: Crossing.Kind = isNotice ? .noticeToUpstream : .toUpstream
                let source = isRerouted ? Crossing.rerouted : Crossing.noSource
                let entry = Crossing(kind, source: source, target: UInt64(connection.id), count: header.length)
                cross(entry, to: connection.loop, fill)
                stage(header.length, for: connection)
            }
        }
        if !isNotice { route.counters.packetsIn += 1 }
    }

    // MARK: - Pauses (rule S13)

    private func pause(_ client: ClientLink, on connection: Connection, _ link: Link) {
        link.resumeMark = connection.route.highWater / 2
        hold(client, on: connection)
    }

    private func hold(_ client: ClientLink, on connection: Connection) {
        guard !client.pausedBy.contains(where: { $0 === connection }) else { return }
        connection.paused.append(client)
        client.pause(on: connection)
    }

    /// Race window: the owner may drain between our look at the queue and our bit. Benign, because we look again once the bit is set,
    /// and whoever sees the queue low first resumes.
    private func pauseRemotely(_ client: ClientLink, on connection: Connection) {
        hold(client, on: connection)
        connection.trunk.waiters.bitwiseOr(1 << UInt64(index), ordering: .sequentiallyConsistent)
        guard connection.trunk.pending + connection.staged <= connection.route.highWater / 2 else { return }
        // Soon, not now: the client is in the middle of its own packets.
        let id = connection.id
        loop.eventLoop.execute { self.resumeClients(of: self.connections[id]) }
    }

    /// The queue has gone down, or the connection is gone: its clients are read again.
    func resumeClients(of connection: Connection) {
        guard !connection.paused.isEmpty else { return }
        let paused = connection.paused
        connection.paused = []
        for client in paused { client.resume(from: connection) }
    }

    // MARK: - SESSION_CLOSED (rule S12)

    /// A session has ended: every route that carried it hears, on the connection that the choice gives now; the hubs hear of every one.
    func sessionClosed(_ session: UInt64, slot: Int, user: UInt64, code: UInt16, routes carried: [Int]) {
        for index in carried {
            let route = routes[index]
            guard route.kind == .direct, !route.settings.legacy else { continue }
            let packet = Packet(SessionClosed(code: code), user: user, es: esID, session: session, format: route.format)
            if !route.waiting.isEmpty, let patience = route.settings.waitForPeer {
                // Behind the session's packets that still wait.
                wait(.init(since: loop.now, deadline: loop.now + patience, header: packet.header, body: packet.body, isNotice: true), on: route)
            } else if route.live.isEmpty {
                counters.unheardClosings += 1
            } else {
                send(packet.header, packet.body, on: route, isNotice: true)
            }
        }
        guard usesHubs else { return }
        let closing = KeptClosings.Closing(session: session, user: user, code: code)
        if let route = carried.map({ routes[$0] }).first(where: { $0.kind == .hubs && !$0.waiting.isEmpty }),
            let patience = route.settings.waitForPeer
        {
            // Behind the session's packets that still wait.
            let packet = Packet(SessionClosed(code: code), user: user, es: esID, session: session)
            wait(.init(since: loop.now, deadline: loop.now + patience, header: packet.header, body: packet.body, isNotice: true), on: route)
        } else {
            tellHubs(closing)
        }
    }
}

extension Shard: TimerTarget {
    func timerFired(_ timer: LoopTimer) {
        if let leaving, timer === leaving.timer { return continueLeaving() }
        if let route = routes.first(where: { $0.waitTimer === timer }) { expireWaiting(route) }
    }
}
