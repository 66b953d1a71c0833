import Links
import Logging
import Membership
import NIOCore
import Telemetry
import Wire

/// What a hub says (protocol section 2). Only what names this edge is obeyed (rule S10).
extension HubUpstream {
    func hub(_ hub: HubLink, on link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        guard let base = bytes.baseAddress else { return Consumed(bytes: 0, needed: PacketHeader.size) }
        let count = bytes.count
        let es = shard.esID
        var offset = 0
        while count - offset >= PacketHeader.size {
            let header = PacketHeader(at: base + offset, format: .standard)
            guard header.length >= PacketHeader.size else {
                hub.violated("Pack_len gives a packet of \(header.length) bytes, the least is \(PacketHeader.size)")
                return Consumed(bytes: count, needed: PacketHeader.size)
            }
            guard header.length <= count - offset else { return Consumed(bytes: offset, needed: header.length) }
            let body = base + offset + PacketHeader.size
            offset += header.length
            if header.isControl {
                control(link, header, body)
                guard link.isOpen else { return Consumed(bytes: count, needed: PacketHeader.size) }
            } else if header.session != 0, header.es == es {
                shard.deliver(header, body, from: connection)
            } else {
                special(header, body)
            }
        }
        return Consumed(bytes: offset, needed: PacketHeader.size)
    }

    /// A push to a user, or a packet for another edge.
    private func special(_ header: PacketHeader, _ body: UnsafeRawPointer) {
        let isPush = header.session == 0
        guard header.es == shard.esID || (isPush && header.es == PacketHeader.everyEdge) else { return foreign(header, body) }
        shard.command(header, body, from: connection)
    }

    private func foreign(_ header: PacketHeader, _ body: UnsafeRawPointer) {
        shard.counters.security(.identity)
        shard.log.event("identity", "\(name) sent a packet for ES id \(header.es); this gateway is \(shard.esID)")
        shard.answer(connection, .noPeer, header, body, "ES id \(header.es) is not here")
    }

    private func control(_ link: Link, _ header: PacketHeader, _ body: UnsafeRawPointer) {
        let bytes = UnsafeRawBufferPointer(start: body, count: header.bodyCount)
        guard let kind = ControlType(rawValue: header.type) else {
            shard.counters.ignored += 1
            return
        }
        switch kind {
        case .kick, .bind:
            if header.es == shard.esID { shard.command(header, body, from: connection) } else { foreign(header, body) }
        case .multicast:
            // To every edge it names no session, because sessions are of one edge.
            let isForAll = header.es == PacketHeader.everyEdge && bytes.prefix(2).allSatisfy { $0 == 0 }
            if header.es == shard.esID || isForAll { shard.command(header, body, from: connection) } else { foreign(header, body) }
        case .ping: answerPing(link, header, body)
        case .pong: break
        case .undelivered: passOn(bytes)
        case .welcome, .peers, .drain, .reject: _ = hub.hear(kind, bytes)
        case .hello, .sessionClosed:
            shard.counters.security(.kind)
            shard.log.event("kind", "\(name) sent \(kind.name), which is not for a hub to say; ignored")
        }
    }
}
