public import Wire

/// Whoever can reach sessions without having been asked: a ``PacketServer``, or a ``ServiceLink`` behind hubs. From any thread.
public protocol PacketSender: Sendable {
    /// Sends every session that is bound to `user` a copy.
    /// - Parameters:
    ///   - packet: type and body count; the rest of its header is filled in.
    ///   - user: not 0.
    ///   - es: the edge on which to look; nil means every edge.
    func push(_ packet: Packet, toUser user: UInt64, es: UInt32?)
    /// Sends every bound session of every edge a copy.
    func multicast(_ packet: Packet)
}

extension PacketSender {
    /// Sends every session that is bound to `user`, on whichever edge, a copy.
    public func push(_ packet: Packet, toUser user: UInt64) { push(packet, toUser: user, es: nil) }

    /// Sends each of `connections` a copy: over a gateway or hub once for all that it holds. Those that are gone are skipped and counted.
    public func multicast(_ packet: Packet, to connections: some Sequence<PacketConnection>) {
        var groups: [Group: [UInt64]] = [:]
        for connection in connections {
            groups[Group(origin: ObjectIdentifier(connection.origin), es: connection.es), default: []].append(connection.session)
        }
        var origins: [ObjectIdentifier: LinkHandle] = [:]
        for connection in connections { origins[ObjectIdentifier(connection.origin)] = connection.origin }
        for (group, sessions) in groups {
            guard let origin = origins[group.origin] else { continue }
            for packet in MulticastParts.parts(of: packet, to: sessions, es: group.es) { origin.push(packet) }
        }
    }
}

private struct Group: Hashable {
    let origin: ObjectIdentifier
    let es: UInt32
}

/// A MULTICAST names as many sessions as fit beside the packet that it carries; more take several.
enum MulticastParts {
    static func parts(of packet: Packet, to sessions: [UInt64], es: UInt32) -> [Packet] {
        var inner = packet
        inner.header.user = 0
        inner.header.token = 0
        inner.header.es = es
        inner.header.session = 0
        inner.header.length = PacketHeader.size + inner.body.readableBytes
        let room = PacketHeader.maxBody - 2 - inner.header.length
        guard room >= 8 else {
            // The packet fits alone and not inside another: it goes to each by itself.
            return sessions.map { session in
                var single = inner
                single.header.session = session
                return single
            }
        }
        return stride(from: 0, to: sessions.count, by: room / 8).map { start in
            let part = Array(sessions[start..<min(start + room / 8, sessions.count)])
            return Packet(Multicast(sessions: part, inner: inner), es: es)
        }
    }

    /// For every bound session of an edge; nil when the packet does not fit inside another.
    static func everyone(_ packet: Packet, es: UInt32) -> Packet? {
        guard packet.body.readableBytes <= PacketHeader.maxBody - 2 - PacketHeader.size else { return nil }
        var inner = packet
        inner.header = PacketHeader(bodyCount: packet.body.readableBytes, type: packet.header.type, es: es)
        return Packet(Multicast(sessions: [], inner: inner), es: es)
    }
}
