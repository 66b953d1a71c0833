import Links
import Membership
import NIOCore
import Telemetry
import Wire

/// From edges to services.
extension Shard {
    /// What became of a packet that was to be handed to a registration.
    enum Handing {
        case done
        /// Its queue is full.
        case full
        /// Its link is gone, and the table does not say so yet.
        case gone
    }

    /// An edge's packet, to the service that its user (or session) falls to (rules S10, S19).
    @inline(__always)
    func forward(_ header: PacketHeader, _ packet: UnsafeRawPointer, from edge: MemberLink) {
        counters.edges.packetsIn += 1
        guard header.es == edge.es else { return foreignEdge(header, packet, from: edge) }
        let candidates = view.clusters[edge.clusterPlace].candidates(for: header.type)
        guard candidates.pointee.count > 0 else { return unroutable(header, packet, from: edge, candidates) }
        let slot = candidates.pointee.owner(of: Shard.key(header))
        switch hand(header, packet, to: slot, .toService, origin: Origins.ordinary, limit: maxPending) {
        case .done: break
        case .full: answer(edge, .busy, header, packet + PacketHeader.size, "the queue of that service is full")
        case .gone: detour(header, packet, from: edge, candidates)
        }
    }

    @inline(__always)
    static func key(_ header: PacketHeader) -> UInt64 { header.user != 0 ? header.user : header.session }

    private func unroutable(_ header: PacketHeader, _ packet: UnsafeRawPointer, from edge: MemberLink, _ set: UnsafePointer<CandidateSet.View>) {
        let body = packet + PacketHeader.size
        if set.pointee.isDraining {
            answer(edge, .draining, header, body, "every service for type \(header.type) is leaving")
        } else {
            answer(edge, .noRoute, header, body, "no service for type \(header.type) in cluster \(edge.cluster)")
        }
    }

    /// The chosen service has just died: another takes its packets before the next table says so.
    private func detour(_ header: PacketHeader, _ packet: UnsafeRawPointer, from edge: MemberLink, _ set: UnsafePointer<CandidateSet.View>) {
        let other = set.pointee.owner(of: Shard.key(header)) { !self.isUsable($0) }
        let handing = other.map { hand(header, packet, to: $0, .toService, origin: Origins.ordinary, limit: maxPending) } ?? .gone
        switch handing {
        case .done: break
        case .full: answer(edge, .busy, header, packet + PacketHeader.size, "the queue of that service is full")
        case .gone: answer(edge, .noRoute, header, packet + PacketHeader.size, "no service for type \(header.type) is left")
        }
    }

    private func foreignEdge(_ header: PacketHeader, _ packet: UnsafeRawPointer, from edge: MemberLink) {
        counters.security(.identity)
        log.event("identity", "\(edge.name) spoke for edge \(header.es)")
        answer(edge, .unauthorized, header, packet + PacketHeader.size, "this link speaks for edge \(edge.es) alone")
    }

    // MARK: - Handing on

    /// Gives a packet to the link of a registration, wherever it is.
    @inline(__always)
    func hand(
        _ header: PacketHeader, _ packet: UnsafeRawPointer, to slot: Int, _ kind: Crossing.Kind, origin: UInt64, limit: Int
    ) -> Handing {
        guard isMet(slot) else { return .gone }
        if peers[slot].loop == index {
            let handing = peers[slot].link?._withUnsafeGuaranteedRef { member -> Handing in
                guard member.isUsable else { return .gone }
                guard member.queued <= limit else { return .full }
                member.append(packet, count: header.length, origin: origin)
                return .done
            }
            guard handing == .done else { return handing ?? .gone }
        } else {
            guard peers[slot].pendingRemotely() <= limit else { return .full }
            cross(Crossing(kind, target: peers[slot].id, origin: origin, count: header.length), to: peers[slot].loop) {
                $0.copyMemory(from: packet, byteCount: header.length)
            }
            peers.stage(header.length, for: slot)
        }
        counters.handed(kind, header.length)
        return .done
    }

    /// Whether a registration can be given anything, as far as this loop knows.
    func isUsable(_ slot: Int) -> Bool {
        guard isMet(slot) else { return false }
        return peers[slot].loop != index || peers[slot].link?._withUnsafeGuaranteedRef { $0.isUsable } == true
    }

    // MARK: - What was lost with a link (rules S2, S3)

    /// A packet that was queued for a link that died: re-routed once, or answered for.
    func lost(_ header: PacketHeader, _ packet: UnsafeRawPointer, for port: MemberLink.Port, origin: UInt64, wasWritten: Bool) {
        let body = packet + PacketHeader.size
        let code: Code = wasWritten ? .lost : .neverSent
        switch port {
        case .edges:
            // What the hub itself, or a service about a lost packet, had to tell an edge that is gone concerns no one now.
            let isCommand = [ControlType.kick, .bind, .multicast].contains(ControlType(rawValue: header.type))
            guard !header.isControl || isCommand else { return }
            answer(origin: origin, code, header, body, "edge \(header.es) is gone")
        case .services:
            if header.type == ControlType.sessionClosed.rawValue { counters.unheardClosings += 1 }
            guard !header.isControl else { return }
            guard !wasWritten, origin != Origins.rerouted, reroute(header, packet) else { return report(code, header, body) }
        }
    }

    private func reroute(_ header: PacketHeader, _ packet: UnsafeRawPointer) -> Bool {
        guard let edge = view.edges.find(header.es) else { return false }
        let set = view.clusters[Int(view.places[edge].clusterPlace)].candidates(for: header.type)
        guard let other = set.pointee.owner(of: Shard.key(header), without: { !self.isUsable($0) }) else { return false }
        guard case .done = hand(header, packet, to: other, .toService, origin: Origins.rerouted, limit: maxPending) else { return false }
        counters.rerouted += 1
        return true
    }
}
