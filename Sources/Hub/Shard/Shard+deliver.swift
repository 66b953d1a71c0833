import Links
import Membership
import NIOCore
import Telemetry
import Wire

/// From services to edges (rule S10).
extension Shard {
    /// A service's packet for a session of an edge, or a push to a user.
    @inline(__always)
    func deliver(_ header: PacketHeader, _ packet: UnsafeRawPointer, from service: MemberLink) {
        counters.services.packetsIn += 1
        guard header.session != 0 else { return push(header, packet, from: service) }
        deliver(header, packet, from: service, limit: maxPending)
    }

    /// To the edge that the header names, if this service may address it.
    @inline(__always)
    func deliver(_ header: PacketHeader, _ packet: UnsafeRawPointer, from service: MemberLink, limit: Int) {
        guard let slot = edge(header, packet, from: service) else { return }
        deliver(header, packet, to: slot, from: service, limit: limit)
    }

    @inline(__always)
    private func deliver(_ header: PacketHeader, _ packet: UnsafeRawPointer, to slot: Int, from service: MemberLink, limit: Int) {
        switch hand(header, packet, to: slot, .toEdge, origin: service.id, limit: limit) {
        case .done: break
        case .full: answer(service, .busy, header, packet + PacketHeader.size, "the queue of that edge is full")
        case .gone: answer(service, .noPeer, header, packet + PacketHeader.size, "edge \(header.es) is gone")
        }
    }

    /// The edge's slot; nil when the service has been answered instead.
    @inline(__always)
    private func edge(_ header: PacketHeader, _ packet: UnsafeRawPointer, from service: MemberLink) -> Int? {
        guard let slot = view.edges.find(header.es) else {
            answer(service, .noPeer, header, packet + PacketHeader.size, "edge \(header.es) is not connected")
            return nil
        }
        guard service.cluster == 0 || view.places[slot].cluster == service.cluster else {
            foreignCluster(header, from: service)
            answer(service, .unauthorized, header, packet + PacketHeader.size, "edge \(header.es) is not of cluster \(service.cluster)")
            return nil
        }
        return slot
    }

    private func foreignCluster(_ header: PacketHeader, from service: MemberLink) {
        counters.security(.cluster)
        log.event("cluster", "\(service.name) addressed edge \(header.es) of another cluster")
    }

    // MARK: - Pushes and commands

    private func push(_ header: PacketHeader, _ packet: UnsafeRawPointer, from service: MemberLink) {
        guard header.user != 0 else {
            return answer(service, .badRequest, header, packet + PacketHeader.size, "neither session nor user given")
        }
        guard isAllowed(.multicast, "push to a user", header, packet, from: service) else { return }
        if header.es == PacketHeader.everyEdge {
            toEveryEdge(header, packet, from: service)
        } else {
            deliver(header, packet, from: service, limit: maxPending)
        }
    }

    /// KICK, BIND and MULTICAST: checked here, obeyed by the edge.
    func command(_ header: PacketHeader, _ body: UnsafeRawPointer, from service: MemberLink) {
        let packet = body - PacketHeader.size
        let bytes = UnsafeRawBufferPointer(start: body, count: header.bodyCount)
        switch ControlType(rawValue: header.type) {
        case .kick, .bind:
            let isKick = header.type == ControlType.kick.rawValue
            guard isAllowed(isKick ? .kick : .bind, isKick ? "KICK" : "BIND", header, packet, from: service) else { return }
            guard header.session != 0 else { return answer(service, .badRequest, header, body, "no session given") }
            guard !isKick || bytes.count >= 2 else { return answer(service, .badRequest, header, body, "KICK: the body ends early") }
            deliver(header, packet, from: service, limit: maxPending + maxPending / 8)
        default:
            guard isAllowed(.multicast, "MULTICAST", header, packet, from: service) else { return }
            do throws(WireError) {
                let view = try MulticastView(body: bytes, format: .standard)
                guard header.es == PacketHeader.everyEdge else { return deliver(header, packet, from: service, limit: maxPending) }
                guard view.count == 0 else {
                    return answer(service, .badRequest, header, body, "MULTICAST to every edge names \(view.count) sessions; it must name none")
                }
                toEveryEdge(header, packet, from: service)
            } catch {
                answer(service, .badRequest, header, body, error.description)
            }
        }
    }

    private func isAllowed(
        _ permission: JoinEntry.Permissions, _ what: String, _ header: PacketHeader, _ packet: UnsafeRawPointer, from service: MemberLink
    ) -> Bool {
        guard !service.may.contains(permission) else { return true }
        counters.security(.credential)
        log.event("credential", "\(service.name) may not \(what)")
        answer(service, .unauthorized, header, packet + PacketHeader.size, "this token does not allow \(what)")
        return false
    }

    /// One copy of the bytes for each edge link of the service's cluster.
    private func toEveryEdge(_ header: PacketHeader, _ packet: UnsafeRawPointer, from service: MemberLink) {
        let edges = view.clusters[service.clusterPlace].edges
        guard !edges.isEmpty else { return answer(service, .noPeer, header, packet + PacketHeader.size, "no edge is connected") }
        for slot in edges { deliver(header, packet, to: Int(slot), from: service, limit: maxPending) }
    }

    /// A service could not deliver what an edge's client sent: the edge hears it.
    func passOn(_ header: PacketHeader, _ body: UnsafeRawPointer, from service: MemberLink) {
        guard header.bodyCount > 2 + PacketHeader.size, let slot = view.edges.find(header.es) else {
            counters.ignored += 1
            return
        }
        let place = view.places[slot]
        guard service.cluster == 0 || place.cluster == service.cluster else { return foreignCluster(header, from: service) }
        counters.services.undelivered.add(raw: UInt16(bigEndian: body.loadUnaligned(as: UInt16.self)))
        notice(place.id, header.length) { $0.copyMemory(from: body - PacketHeader.size, byteCount: header.length) }
    }

    // MARK: - From edges to all who asked

    /// SESSION_CLOSED goes to every service of the cluster, and of cluster 0, that asked for it (rule S12).
    func sessionClosed(_ header: PacketHeader, _ body: UnsafeRawPointer, from edge: MemberLink) {
        guard header.es == edge.es else {
            counters.security(.identity)
            return log.event("identity", "\(edge.name) spoke for edge \(header.es)")
        }
        guard header.bodyCount >= 2 else {
            counters.ignored += 1
            return
        }
        for slot in view.clusters[edge.clusterPlace].listeners {
            notice(view.places[Int(slot)].id, header.length) { $0.copyMemory(from: body - PacketHeader.size, byteCount: header.length) }
        }
    }
}
