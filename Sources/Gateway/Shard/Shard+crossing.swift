import Links
import NIOCore
import Routing
import Sessions
import Synchronization
import Wire

/// Handing packets to other event loops, once a turn.
extension Shard {
    /// Appends an entry for `target`; it leaves at the end of the turn.
    @inline(__always)
    func cross(_ entry: Crossing, to target: Int, _ fill: (UnsafeMutableRawPointer) -> Void = { _ in }) {
        loop.enterTurn()
        outboxes[target].pack(entry, fill)
    }

    /// Notes bytes that will be on their way to a connection of another loop.
    @inline(__always)
    func stage(_ count: Int, for connection: Connection) {
        if connection.staged == 0 { stagedConnections.append(connection) }
        connection.staged += count
    }

    func postOutboxes() {
        for connection in stagedConnections {
            connection.trunk.crossing.wrappingAdd(connection.staged, ordering: .relaxed)
            connection.staged = 0
        }
        stagedConnections.removeAll(keepingCapacity: true)
        for target in outboxes.indices where outboxes[target].readableBytes > 0 { shards[target].mailbox.post(&outboxes[target]) }
    }

    /// A batch from another loop.
    func receive(_ batch: ByteBuffer) {
        loop.enterTurn()
        batch.unpack { receive($0, $1) }
    }

    @inline(__always)
    private func receive(_ entry: Crossing, _ bytes: UnsafeRawPointer) {
        switch entry.kind {
        case .toUpstream, .noticeToUpstream:
            receiveForUpstream(entry, bytes)
        case .toClient:
            let connection = connections[Int(entry.source)]
            guard let client = clients.find(entry.target) else {
                return gone(PacketHeader(at: bytes, format: format), bytes + PacketHeader.size, from: connection)
            }
            // Checked and written in the clients' format by the loop that it came from.
            client.link.append(entry.count) { $0.copyMemory(from: bytes, byteCount: entry.count) }
            delivered(entry.count, to: client, route: connection.route)
        case .noticeToClient:
            guard let client = clients.find(entry.target) else { return }
            client.link.append(entry.count) { $0.copyMemory(from: bytes, byteCount: entry.count) }
            boundNotices(to: client)
        case .control:
            let connection = connections[Int(entry.source)]
            obey(PacketHeader(at: bytes, format: connection.route.format), bytes + PacketHeader.size, from: connection, ticket: entry.target)
        case .pushResult:
            if let push = pushes.record(ticket: entry.target, delivered: Int(entry.source)) { pushMissed(push) }
        case .stopped:
            connections[Int(entry.target)].upstream?.loopStopped()
        }
    }

    private func receiveForUpstream(_ entry: Crossing, _ bytes: UnsafeRawPointer) {
        let connection = connections[Int(entry.target)]
        connection.trunk.crossing.wrappingSubtract(entry.count, ordering: .sequentiallyConsistent)
        let wasRerouted = entry.source == Crossing.rerouted
        if let link = connection.link, link.isOpen {
            if wasRerouted { connection.upstream?.rerouted.note(link.endOffset, count: entry.count) }
            link.append(entry.count) { $0.copyMemory(from: bytes, byteCount: entry.count) }
            if entry.kind == .noticeToUpstream { boundAnswers(to: connection, link) }
            return
        }
        // It died, or is being closed, while this was on its way: still ours, so re-routed once or answered (rules S2, S3).
        let header = PacketHeader(at: bytes, format: connection.route.format)
        let route = route(of: header, on: connection)
        let body = ByteBuffer(bytes: UnsafeRawBufferPointer(start: bytes + PacketHeader.size, count: header.bodyCount))
        if entry.kind == .noticeToUpstream {
            resendNotice(header, body, on: route)
        } else if wasRerouted || self.connection(for: header, on: route) == nil {
            undeliverable(.neverSent, header, body, session: header.session, route: route)
        } else {
            route.counters.packetsIn -= 1
            send(header, body, on: route, isNotice: false, isRerouted: true)
        }
    }

    /// A SESSION_CLOSED whose connection died goes where its session's packets go; an UNDELIVERED was for that connection alone.
    func resendNotice(_ header: PacketHeader, _ body: ByteBuffer, on route: ShardRoute) {
        guard header.type == ControlType.sessionClosed.rawValue, header.session != 0 else { return }
        if route.kind == .hubs {
            guard let closing = try? SessionClosed(body: body, format: route.format) else { return }
            tellHubs(.init(session: header.session, user: header.user, code: closing.code))
        } else if route.live.isEmpty {
            counters.unheardClosings += 1
        } else {
            send(header, body, on: route, isNotice: true)
        }
    }
}
