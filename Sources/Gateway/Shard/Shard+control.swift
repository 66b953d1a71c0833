import Links
import NIOCore
import Sessions
import Telemetry
import Wire

/// What upstreams tell a gateway to do with its sessions (protocol section 2).
extension Shard {
    /// KICK, BIND, MULTICAST, or a push to a user, from a connection of this loop: obeyed here, or handed to the loops concerned.
    func command(_ header: PacketHeader, _ body: UnsafeRawPointer, from connection: Connection) {
        switch ControlType(rawValue: header.type) {
        case .kick, .bind:
            let target = SessionID.loop(of: header.session)
            if target == index || target >= loopCount {
                obey(header, body, from: connection, ticket: 0)
            } else {
                pass(header, body, from: connection, to: target, ticket: 0)
            }
        case .multicast:
            let bytes = UnsafeRawBufferPointer(start: body, count: header.bodyCount)
            do throws(WireError) {
                let view = try MulticastView(body: bytes, format: connection.route.format)
                for target in loops(of: view) where target != index { pass(header, body, from: connection, to: target, ticket: 0) }
                multicast(view, route: connection.route)
            } catch {
                answer(connection, .badRequest, header, body, error.description)
            }
        default:
            push(header, body, from: connection)
        }
    }

    /// Carries out a command for this loop's own sessions.
    func obey(_ header: PacketHeader, _ body: UnsafeRawPointer, from connection: Connection, ticket: UInt64) {
        let bytes = UnsafeRawBufferPointer(start: body, count: header.bodyCount)
        switch ControlType(rawValue: header.type) {
        case .kick:
            guard let kick = try? Kick(body: ByteBuffer(bytes: bytes), format: connection.route.format) else {
                return answer(connection, .badRequest, header, body, "KICK: the body ends early")
            }
            guard let client = clients.find(header.session) else { return gone(header, body, from: connection) }
            client.close(Code(rawValue: kick.code) ?? .cancelled, raw: kick.code, reason: kick.reason)
        case .bind:
            guard let client = clients.find(header.session) else { return gone(header, body, from: connection) }
            client.carried.insert(connection.route.index)
            client.bind(user: header.user, token: header.token)
        case .multicast:
            if let view = try? MulticastView(body: bytes, format: connection.route.format) { multicast(view, route: connection.route) }
        default:
            let reached = pushHere(header, bytes, route: connection.route)
            cross(Crossing(.pushResult, source: UInt32(reached), target: ticket, count: 0), to: connection.loop)
        }
    }

    private func pass(_ header: PacketHeader, _ body: UnsafeRawPointer, from connection: Connection, to target: Int, ticket: UInt64) {
        let entry = Crossing(.control, source: UInt32(connection.id), target: ticket, count: header.length)
        cross(entry, to: target) { bytes in
            header.store(to: bytes, format: connection.route.format)
            (bytes + PacketHeader.size).copyMemory(from: body, byteCount: header.bodyCount)
        }
    }

    // MARK: - MULTICAST

    private func loops(of view: MulticastView) -> [Int] {
        guard view.count > 0 else { return Array(shards.indices) }
        var concerned = Set<Int>()
        for index in 0..<view.count {
            let loop = SessionID.loop(of: view.session(index))
            if loop < loopCount { concerned.insert(loop) } else { counters.multicastAbsent += 1 }
        }
        return concerned.sorted()
    }

    /// Delivers to those of the named sessions that are this loop's, or to all of its bound ones.
    private func multicast(_ view: MulticastView, route: ShardRoute) {
        guard view.count > 0 else {
            for client in clients.all where client.identity.isBound {
                multicast(view, to: client, route: route)
                loop.flushIfCrowded()
            }
            return
        }
        for position in 0..<view.count {
            let session = view.session(position)
            guard SessionID.loop(of: session) == index else { continue }
            if let client = clients.find(session) { multicast(view, to: client, route: route) } else { counters.multicastAbsent += 1 }
        }
    }

    private func multicast(_ view: MulticastView, to client: ClientLink, route: ShardRoute) {
        var header = view.inner
        header.session = client.session
        header.user = client.identity.user
        header.es = esID
        header.token = 0
        hand(header, view.innerBody, to: client, route: route)
    }

    private func hand(_ header: PacketHeader, _ body: UnsafeRawBufferPointer, to client: ClientLink, route: ShardRoute) {
        guard header.length <= format.maxPacket else {
            counters.multicastAbsent += 1
            return
        }
        client.link.append(header.length) { target in
            header.store(to: target, format: format)
            if let start = body.baseAddress { (target + PacketHeader.size).copyMemory(from: start, byteCount: body.count) }
        }
        client.carried.insert(route.index)
        counters.multicastDelivered += 1
        counters.bytesOut += header.length
        route.counters.packetsOut += 1
        if client.link.queued > maxPending { slowConsumer(client) }
    }

    // MARK: - Push to a user

    private func push(_ header: PacketHeader, _ body: UnsafeRawPointer, from connection: Connection) {
        guard header.user != 0 else { return answer(connection, .badRequest, header, body, "neither session nor user given") }
        guard header.length <= format.maxPacket else { return answer(connection, .tooLarge, header, body, "body over 65507 bytes") }
        let bytes = UnsafeRawBufferPointer(start: body, count: header.bodyCount)
        let reached = pushHere(header, bytes, route: connection.route)
        guard shards.count > 1 else {
            if reached == 0 { pushMissed(PendingPushes.Push(header: header, quote: quote(bytes), connection: connection)) }
            return
        }
        let ticket = pushes.open(
            PendingPushes.Push(header: header, quote: quote(bytes), connection: connection), delivered: reached, answersDue: shards.count - 1)
        for target in shards.indices where target != index { pass(header, body, from: connection, to: target, ticket: ticket) }
    }

    private func quote(_ body: UnsafeRawBufferPointer) -> ByteBuffer { ByteBuffer(bytes: body.prefix(Undelivered.maxQuote)) }

    private func pushHere(_ header: PacketHeader, _ body: UnsafeRawBufferPointer, route: ShardRoute) -> Int {
        let bound = users.find(header.user)
        for client in bound {
            var header = header
            header.session = client.session
            header.es = esID
            hand(header, body, to: client, route: route)
        }
        return bound.count
    }

    /// Nobody is bound to the user on any loop.
    func pushMissed(_ push: PendingPushes.Push) {
        counters.multicastAbsent += 1
        let route = push.connection.route
        guard route.kind == .direct else { return }
        route.counters.undelivered.add(.noPeer)
        guard !route.settings.legacy else { return }
        push.quote.withUnsafeReadableBytes { quote in
            let reason = "noPeer: user \(push.header.user) has no session here"
            guard let link = push.connection.link else { return }
            link.append(
                UndeliveredFrame(code: Code.noPeer.rawValue, lost: push.header, body: quote, reason: reason), format: route.format)
            boundAnswers(to: push.connection, link)
        }
    }
}
