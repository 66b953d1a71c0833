import Links
import NIOCore
import Sessions
import Telemetry
import Wire

/// From upstreams to clients.
extension Shard {
    /// A server's packet for one session, wherever its client is (rules S5, S12).
    @inline(__always)
    func deliver(_ header: PacketHeader, _ body: UnsafeRawPointer, from connection: Connection) {
        let target = SessionID.loop(of: header.session)
        if target == index {
            guard let client = clients.reference(header.session) else { return gone(header, body, from: connection) }
            client._withUnsafeGuaranteedRef { deliver(header, body, to: $0, route: connection.route, from: connection) }
        } else if target < loopCount {
            guard header.length <= format.maxPacket else { return answer(connection, .tooLarge, header, body, "body over 65507 bytes") }
            let entry = Crossing(.toClient, source: UInt32(connection.id), target: header.session, count: header.length)
            cross(entry, to: target) { bytes in
                header.store(to: bytes, format: format)
                (bytes + PacketHeader.size).copyMemory(from: body, byteCount: header.bodyCount)
            }
        } else {
            gone(header, body, from: connection)
        }
    }

    @inline(__always)
    func deliver(_ header: PacketHeader, _ body: UnsafeRawPointer, to client: ClientLink, route: ShardRoute, from connection: Connection) {
        guard header.length <= format.maxPacket else { return answer(connection, .tooLarge, header, body, "body over 65507 bytes") }
        client.link.append(header, body, format: format)
        delivered(header.length, to: client, route: route)
    }

    /// Counts a packet that has been queued for a client, and bounds the queue (rule S13).
    @inline(__always)
    func delivered(_ count: Int, to client: ClientLink, route: ShardRoute) {
        client.carried.insert(route.index)
        route.counters.packetsOut += 1
        counters.bytesOut += count
        if client.link.queued > maxPending { slowConsumer(client) }
    }

    /// Its queue is over the limit: what the socket takes now does not count against a client, the rest does (rule S13).
    func slowConsumer(_ client: ClientLink) {
        client.link.flushNow()
        guard client.link.isOpen, client.link.queued > maxPending else { return }
        log.event("slowConsumer", "closing client \(client.link.remote): it does not read; over limits.maxPending: \(maxPending) bytes queued")
        client.abandon(.slowConsumer)
    }

    /// A packet for a session that is gone (rule S12).
    func gone(_ header: PacketHeader, _ body: UnsafeRawPointer, from connection: Connection) {
        counters.goneSessions += 1
        if connection.route.kind == .hubs { return tellGone(header.session) }
        answer(connection, .noPeer, header, body, "session \(header.session) is gone")
    }

    // MARK: - UNDELIVERED toward clients (rule S1)

    /// Counts a client's lost packet and tells the client.
    func undeliverable(_ code: Code, _ header: PacketHeader, _ body: UnsafeRawPointer, to client: ClientLink, route: ShardRoute) {
        route.counters.undelivered.add(code)
        let bytes = UnsafeRawBufferPointer(start: body, count: header.bodyCount)
        tell(client, UndeliveredFrame(code: code.rawValue, lost: header, body: bytes, reason: code.name))
    }

    private func tell(_ client: ClientLink, _ frame: UndeliveredFrame) {
        guard settings.tellClients else { return }
        client.link.append(frame, format: format)
        boundNotices(to: client)
    }

    /// Control packets may use one eighth beyond the limit (rule S13).
    func boundNotices(to client: ClientLink) {
        if client.link.queued > maxPending + maxPending / 8 { slowConsumer(client) }
    }

    /// The same for a client that is known by its session only and may be on another loop, or gone.
    func undeliverable(_ code: Code, _ header: PacketHeader, _ body: ByteBuffer, session: UInt64, route: ShardRoute) {
        body.withUnsafeReadableBytes { bytes in
            undeliverable(code, header, bytes, session: session, route: route)
        }
    }

    func undeliverable(_ code: Code, _ header: PacketHeader, _ body: UnsafeRawBufferPointer, session: UInt64, route: ShardRoute) {
        route.counters.undelivered.add(code)
        notice(UndeliveredFrame(code: code.rawValue, lost: header, body: body, reason: code.name), session: session)
    }

    /// Tells a session's client something; one that is gone is no loss.
    func notice(_ frame: UndeliveredFrame, session: UInt64) {
        let target = SessionID.loop(of: session)
        if target == index {
            if let client = clients.find(session) { tell(client, frame) }
        } else if target < loopCount, settings.tellClients {
            cross(Crossing(.noticeToClient, target: session, count: frame.header.length), to: target) { frame.store(to: $0, format: format) }
        }
    }

    // MARK: - UNDELIVERED toward upstreams

    /// Tells an upstream what became of its packet, on the link that it came by. Nothing is said to a legacy one.
    func answer(_ connection: Connection, _ code: Code, _ header: PacketHeader, _ body: UnsafeRawPointer, _ reason: String) {
        let route = connection.route
        route.counters.undelivered.add(code)
        guard !route.settings.legacy else { return }
        let bytes = UnsafeRawBufferPointer(start: body, count: header.bodyCount)
        let frame = UndeliveredFrame(code: code.rawValue, lost: header, body: bytes, reason: "\(code.name): \(reason)")
        if let link = connection.link {
            link.append(frame, format: route.format)
            boundAnswers(to: connection, link)
        } else if connection.loop != index {
            let entry = Crossing(.noticeToUpstream, target: UInt64(connection.id), count: frame.header.length)
            cross(entry, to: connection.loop) { frame.store(to: $0, format: route.format) }
            stage(frame.header.length, for: connection)
        }
    }

    /// An upstream that asks and does not read costs its own link: what is said to it may use one eighth beyond the limit (rules S13, S14).
    func boundAnswers(to connection: Connection, _ link: Link) {
        guard link.queued > connection.route.busyMark + connection.route.busyMark / 8 else { return }
        log.event("slowUpstream", "closing upstream \(connection.trunk.address): it does not read what it is answered; \(link.queued) bytes queued")
        link.abandon(.slowConsumer)
    }
}
