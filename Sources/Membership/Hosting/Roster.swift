package import Links
package import NIOCore
package import Telemetry
import Wire

/// The links of one event loop of a hub, registered or not: what all of them are told, and the end of the last. Confined to that loop.
package final class Roster<MemberLink: HubMember> {
    private let loop: LinkLoop
    private var members: [ObjectIdentifier: MemberLink] = [:]
    /// Links that are told something when a version is everywhere.
    private var awaiting: [MemberLink] = []
    private let peersTimer = LoopTimer()
    private var lastPeersRound = NIODeadline.distantPast
    /// The hub is leaving: who connects now is turned away.
    package private(set) var isLeaving = false
    private var whenEmpty: EventLoopPromise<Void>?

    package init(loop: LinkLoop) {
        self.loop = loop
        peersTimer.aim(at: self)
    }

    package func came(_ member: MemberLink) { members[ObjectIdentifier(member)] = member }

    /// Its link is closed; ``settled()`` follows when everything that comes of that has been said.
    package func left(_ member: MemberLink) { members[ObjectIdentifier(member)] = nil }

    // MARK: - Tables

    /// This loop has another table, so lists of peers may be others; they go out in a round, not more often than PEERS may come.
    package func tableChanged() {
        if !peersTimer.isArmed { loop.arm(peersTimer, at: max(loop.now, lastPeersRound + PeersPacing.interval)) }
    }

    /// ``MemberShell/published(_:)`` is called when a version is everywhere.
    package func awaitPublication(_ member: MemberLink) { awaiting.append(member) }

    package func published(_ version: UInt64) {
        let waiting = awaiting
        awaiting = []
        for member in waiting where member.shell.published(version) { awaiting.append(member) }
    }

    private func tellPeers() {
        let now = loop.now
        lastPeersRound = now
        var next: NIODeadline?
        for member in members.values {
            guard let until = member.shell.tellPeers(now: now) else { continue }
            next = min(next ?? until, until)
        }
        if let next { loop.arm(peersTimer, at: next) }
    }

    // MARK: - Leaving (rule S25)

    /// Whoever is not registered is turned away; the future is done when the last link is closed.
    package func leave() -> EventLoopFuture<Void> {
        isLeaving = true
        for member in members.values where member.id == 0 { member.shell.refuse(Refusal(.draining, detail: "this hub is leaving")) }
        let promise = loop.eventLoop.makePromise(of: Void.self)
        whenEmpty = promise
        settled()
        return promise.futureResult
    }

    /// What came of a link's end has been said: if it was the last, the loop has left.
    package func settled() {
        guard members.isEmpty else { return }
        finish()
    }

    package func cut() {
        for member in members.values { member.link.abandon(.draining) }
        finish()
    }

    private func finish() {
        whenEmpty?.succeed(())
        whenEmpty = nil
    }

    // MARK: - Inspection

    /// Links that came to that port, and the bytes that wait for them.
    package func count(of side: Side) -> (links: Int, queued: Int) {
        members.values.reduce(into: (0, 0)) { sum, member in
            guard member.side == side else { return }
            sum.0 += 1
            sum.1 += member.queued
        }
    }

    /// Who is registered.
    package func registrations(role: String) -> [RegistrationView] {
        members.values.compactMap { member in
            guard let who = member.shell.acceptance.member, let id = member.shell.memberID else { return nil }
            return RegistrationView(
                role: role, side: member.side.rawValue, node: who.identity.node, cluster: who.cluster, name: who.name,
                state: member.shell.isLeaving ? "draining" : member.state,
                claims: who.claims.map { $0.lo == $0.hi ? "\($0.lo)" : "\($0.lo)-\($0.hi)" }, remote: member.link.remote, link: member.link.id,
                generation: id.generation)
        }
    }

    /// Registered links, for `/status`.
    package func peers() -> [RoleStatus.Peer] {
        members.values.compactMap { member in
            guard let identity = member.shell.acceptance.member?.identity, member.id != 0 else { return nil }
            return RoleStatus.Peer(
                route: member.side.rawValue, address: "\(identity) at \(member.link.remote)", state: member.state, queuedBytes: member.queued)
        }
    }
}

extension Roster: TimerTarget {
    package func timerFired(_ timer: LoopTimer) { tellPeers() }
}

extension HubMember {
    fileprivate var state: String { shell.isWelcomed ? "up" : "connecting" }
}
