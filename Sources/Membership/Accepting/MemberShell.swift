package import Links
import Logging
package import NIOCore
package import Telemetry
package import Wire

/// What the code of one hub does for the ``MemberShell`` of a link. All calls come on the link's event loop.
package protocol MemberShellUser: AnyObject {
    /// What a HELLO is judged by now.
    var rules: HelloRules { get }
    /// Ask the registrar to take it, and tell the shell the answer.
    func register(_ member: Member)
    /// Ask the registrar to replace its claims, and tell the shell when that is worked in.
    func update(to member: Member)
    /// Call ``MemberShell/published(_:)`` when a version is on every loop.
    func awaitPublication()
    /// What WELCOME says.
    var welcomeWords: Welcome { get }
    /// What it can reach now; equal versions are equal lists.
    var peersNow: (version: UInt64, list: Peers) { get }
    /// Its first WELCOME is written: calls or packets may follow.
    func welcomed()
    func breached(_ kind: SecurityKind)
    /// Its link is about to be closed in order, which may take two seconds; nothing that it says is taken from here on.
    func closing()
}

extension MemberShellUser {
    package func closing() {}
}

/// The life of one accepted link of a hub, on either wire: handshake, registration, PEERS, heartbeat, drain, end (protocol section 4; rules S11,
/// S17, S25). The shell around ``Acceptance``; what members say to each other is not its concern.
package final class MemberShell {
    package let link: Link
    private let loop: LinkLoop
    private let wire: any HubWire
    private let log: EventLog
    /// For the log: what this port is for.
    private let port: String
    // The user owns the shell, and says so before anything else.
    private unowned var user: (any MemberShellUser)!
    package private(set) var acceptance: Acceptance
    /// Calls or packets flow: WELCOME is written.
    package private(set) var isWelcomed = false
    /// Who it is, as far as it has said so; stays when the link is over.
    package private(set) var known: Member?
    /// It has said that it leaves, and not come back since.
    package var isLeaving = false { didSet { if !isLeaving { hasDrained = false } } }
    /// It has been told that nothing new follows: its end is no surprise any more.
    private var hasDrained = false
    private var heartbeat: Heartbeat
    /// What the link was told, for as long as it stands.
    package var heartbeatMilliseconds: UInt32 { UInt32(clamping: heartbeat.interval.nanoseconds / 1_000_000) }
    private var pacing = PeersPacing()
    /// Answers that are due when every loop has the table of that version, oldest first.
    private var answers: [(version: UInt64, answer: Answer)] = []
    private enum Answer { case welcome, drained }
    @exclusivity(unchecked) @usableFromInline private(set) var isClosingWhenEmpty = false

    /// A shell for `link`, which does nothing before ``serve(_:)``.
    package init(_ link: Link, on loop: LinkLoop, wire: any HubWire, port: String, heartbeat: TimeAmount, log: EventLog) {
        self.link = link
        self.loop = loop
        self.wire = wire
        self.port = port
        self.log = log
        self.heartbeat = Heartbeat(interval: heartbeat)
        acceptance = Acceptance(now: loop.now)
    }

    /// - Parameter user: owns the shell, and is not kept by it.
    package func serve(_ user: any MemberShellUser) { self.user = user }

    package var name: String { known.map { "\($0.identity) (\($0.name.isEmpty ? link.remote : $0.name))" } ?? link.remote }
    package var memberID: MemberID? { acceptance.id }
    /// Whether it can be given anything.
    @inlinable package var isUsable: Bool { link.isOpen && !isClosingWhenEmpty }

    // MARK: - Coming

    /// The connection stands.
    /// - Parameter isAdmitted: it is within the limits on connections.
    package func opened(isAdmitted: Bool, memory: MemoryBudget, isLeaving: Bool) {
        acceptance = Acceptance(now: loop.now)
        if !isAdmitted {
            refuse(Refusal(.rateLimited, detail: "over limits.connections or limits.perAddress"))
        } else if memory.isExceeded {
            refuse(Refusal(.rateLimited, detail: "queues hold more than memory allows"))
        } else if isLeaving {
            refuse(Refusal(.draining, detail: "this hub is leaving"))
        } else {
            loop.arm(link.timer, at: loop.now + Acceptance.patience)
        }
    }

    package func helloReceived(_ body: UnsafeRawBufferPointer) {
        let hello = Result { () throws(WireError) in try Hello(body: ByteBuffer(bytes: body), format: .standard) }
        run(acceptance.helloReceived(hello, by: user.rules, certificateNames: link.certificateNames))
    }

    /// Anything but HELLO, while WELCOME is not written.
    package func otherReceived(_ what: String) { run(acceptance.otherReceived(what)) }

    private func run(_ action: Acceptance.Action) {
        switch action {
        case .none: break
        case .register(let member):
            known = member
            user.register(member)
        case .update(let member):
            known = member
            isLeaving = false
            user.update(to: member)
        case .refuse(let refusal): refuse(refusal)
        }
    }

    package func refuse(_ refusal: Refusal) {
        acceptance.ended()
        if let breach = refusal.breach { user.breached(breach) }
        log.event("refused", "closing \(port) link \(link.remote): \(refusal.code.name): \(refusal.detail)")
        close(refusal.code, reason: refusal.reason)
    }

    /// The registry has taken it. Nil when it has ended meanwhile, so that the registration is to be forgotten.
    package func registered(_ id: MemberID, version: UInt64) -> Member? {
        let action = acceptance.registered(id)
        guard acceptance.id == id else { return nil }
        answer(.welcome, at: version)
        run(action)
        return acceptance.member
    }

    package func refusedByRegistry(_ refusal: Refusal) {
        if refusal.code == .busy { log.event("takeover", level: .error, refusal.detail) }
        run(acceptance.refused(refusal))
    }

    /// Its later HELLO is worked in with that version.
    package func updated(version: UInt64) { answer(.welcome, at: version) }

    /// Its DRAIN is.
    package func drains(version: UInt64) { answer(.drained, at: version) }

    private func answer(_ answer: Answer, at version: UInt64) {
        if answers.isEmpty { user.awaitPublication() }
        answers.append((version, answer))
    }

    /// Every loop has the table of that version. Returns whether an answer waits for a later one.
    package func published(_ version: UInt64) -> Bool {
        while let first = answers.first, first.version <= version {
            answers.removeFirst()
            switch first.answer {
            case .welcome: if acceptance.published() { welcome() }
            case .drained:
                wire.append(Drain(deadlineMilliseconds: 0), to: link)
                hasDrained = isLeaving
            }
        }
        return !answers.isEmpty
    }

    private func welcome() {
        wire.append(user.welcomeWords, to: link)
        let peers = user.peersNow
        pacing.welcomed(version: peers.version, now: loop.now)
        wire.append(peers.list, to: link)
        guard !isWelcomed else { return }
        isWelcomed = true
        user.welcomed()
        log.event("joined", level: .info, "\(name) is registered")
        loop.arm(link.timer, at: loop.now + heartbeat.interval)
    }

    /// There may be another list for it. Returns when to look again.
    package func tellPeers(now: NIODeadline) -> NIODeadline? {
        guard isWelcomed, link.isOpen else { return nil }
        let peers = user.peersNow
        switch pacing.check(version: peers.version, now: now) {
        case .none: return nil
        case .wait(let until): return until
        case .send:
            wire.append(peers.list, to: link)
            return nil
        }
    }

    // MARK: - Going

    /// REJECT last, then the end (protocol section 5).
    package func close(_ code: Code, reason: String? = nil) {
        if link.isOpen { user.closing() }
        link.close(code) { wire.append(Reject(code: code.rawValue, reason: reason ?? code.name), to: $0) }
    }

    /// The hub leaves (rule S25).
    package func sayDrain(milliseconds: UInt32) { wire.append(Drain(deadlineMilliseconds: milliseconds), to: link) }

    /// The hub leaves, and everyone has answered: the link closes when what is queued is written (rule S25).
    package func closeWhenEmpty() {
        isClosingWhenEmpty = link.queued > 0
        if isClosingWhenEmpty { link.resumeMark = 0 } else { link.close(.draining) }
    }

    package func drained() {
        link.resumeMark = nil
        if isClosingWhenEmpty { link.close(.draining) }
    }

    /// Another link has its identity (rule S11).
    package func displaced() {
        acceptance.ended()
        log.event("takeover", "\(name) registered anew on another link; closing this one")
        close(.takenOver)
    }

    /// The link is closed.
    package func closed(_ end: LinkEnd) {
        let code = end.code ?? .lost
        if hasDrained, end.code == nil, end.error == nil {
            log.event("left", level: .info, "\(name) has left")
        } else if isWelcomed, code != .draining {
            log.event("left", level: .info, "\(name) is gone: \(end.error.map(describe) ?? code.name)")
        }
        acceptance.ended()
    }

    /// The link's timer is due: HELLO, or a sign of life.
    package func timerFired() {
        let now = loop.eventLoop.now
        guard isWelcomed else { return run(acceptance.timedOut(now: now)) }
        switch heartbeat.check(now: now, lastHeard: link.lastHeard) {
        case .wait(let until):
            loop.arm(link.timer, at: until)
        case .ping(let lookAgain):
            wire.append(.ping, body: ByteBuffer(), to: link)
            loop.arm(link.timer, at: lookAgain)
        case .giveUp:
            log.event("silent", "\(name) was silent for \(Heartbeat.patience) heartbeats of \(heartbeat.interval.text); closing it")
            close(.idle)
        }
    }
}
