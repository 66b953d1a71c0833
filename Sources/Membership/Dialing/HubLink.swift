package import Links
import Logging
package import NIOCore
import Telemetry
package import Wire

/// One address of a hub, dialed for as long as the process lives: the shell around ``DialingMachine``.
///
/// Knows neither packets nor calls: bytes behind WELCOME go to the user as they come. Lives on one event loop.
///
/// `@unchecked Sendable`: confined to ``loop``'s event loop; futures that call back do so there.
package final class HubLink: LinkOwner, @unchecked Sendable {
    package let loop: LinkLoop
    package let address: SocketAddress
    /// Its place in `to`, and among the addresses of one name: smaller is first.
    package let rank: Int
    /// Where the address comes from, so that a name is looked up afresh at every dial.
    private let source: AddressSource
    let wire: any HubWire
    private var user: (any HubLinkUser)?

    /// What is said in HELLO; the polite flag is set as the protocol asks.
    package private(set) var hello: Hello
    private var machine = DialingMachine()
    /// The connection, from the moment it stands.
    package private(set) var link: Link?
    /// What the hub said when it took us in; nil while it is not up.
    package private(set) var welcome: Welcome?
    /// Attempts after the first.
    package private(set) var redials = 0
    private let timer = LoopTimer()
    private var isClosingWhenEmpty = false
    private var firstAttempt: EventLoopPromise<Void>?
    private var whenStopped: EventLoopPromise<Void>?
    private var hasDialed = false
    /// What this link's first HELLO has shown.
    private var linkToken: [UInt8] = []

    package init(
        _ address: SocketAddress, from source: AddressSource, rank: Int, hello: Hello, wire: any HubWire, on loop: LinkLoop,
        user: any HubLinkUser
    ) {
        self.address = address
        self.source = source
        self.rank = rank
        self.hello = hello
        self.wire = wire
        self.loop = loop
        self.user = user
        timer.aim(at: self)
    }

    /// New work may go to it.
    package var isOpen: Bool { machine.isOpen }
    package var isUp: Bool { machine.isUp }
    /// Its address is no longer listed.
    package var isRetired: Bool { source.isRetired }
    package var name: String { "hub \(welcome.map { "\($0.name) at " } ?? "")\(address.text)" }

    // MARK: - What the user wants

    /// Starts to dial; the future is done when the first attempt has ended, one way or the other.
    package func start() -> EventLoopFuture<Void> {
        guard machine.state != .stopped else { return loop.eventLoop.makeSucceededVoidFuture() }
        let promise = loop.eventLoop.makePromise(of: Void.self)
        firstAttempt = promise
        run(machine.start(now: now))
        return promise.futureResult
    }

    /// Registers other claims from here on; an empty list withdraws all.
    /// - Parameter window: calls that an agent takes at once, from here on; nil: as before.
    package func claim(_ claims: [Claim], window: UInt32? = nil) {
        hello.claims = claims
        if let window { hello.window = window }
        run(machine.claimsChanged(now: now))
    }

    /// What the HELLO of the next link shows. A link that stands goes on with the token that it was taken in with: with another one a later HELLO
    /// would be somebody else's (protocol section 4).
    package func show(token: [UInt8], name: String) {
        hello.token = token
        hello.name = name
    }

    /// Everything that came over the link of a leaving hub is answered, and nothing new follows.
    package func answeredEverything() { run(machine.answeredEverything()) }

    /// Says DRAIN. The future is done when the link is closed, which ``done()`` brings about.
    package func leave(within limit: TimeAmount) -> EventLoopFuture<Void> {
        // A hub that is retired, and then left with all the others, has been told already.
        if let whenStopped { return whenStopped.futureResult }
        let promise = loop.eventLoop.makePromise(of: Void.self)
        if machine.state == .stopped {
            promise.succeed(())
            return promise.futureResult
        }
        whenStopped = promise
        run(machine.leave(milliseconds: UInt32(clamping: limit.nanoseconds / 1_000_000)))
        return promise.futureResult
    }

    /// We are leaving and have nothing left to say: the link is closed when its queue is empty.
    package func done() { run(machine.done()) }

    /// Ends it at once, without a word.
    package func cut() {
        machine.stop()
        finish()
    }

    /// A frame of membership behind WELCOME: true if it was one. On the RPC wire `kind` is the frame's kind, plus 0xFF00.
    package func hear(_ kind: ControlType, _ body: UnsafeRawBufferPointer) -> Bool {
        guard [.welcome, .peers, .drain, .reject].contains(kind) else { return false }
        let bytes = ByteBuffer(bytes: body)
        do throws(WireError) {
            switch kind {
            case .peers: user?.hub(self, reaches: try Peers(body: bytes, format: .standard))
            case .drain: run(machine.drainHeard(milliseconds: try Drain(body: bytes, format: .standard).deadlineMilliseconds))
            case .welcome: welcomed(try Welcome(body: bytes, format: .standard))
            default: rejected(try Reject(body: bytes, format: .standard))
            }
        } catch {
            violated(error.description)
        }
        return true
    }

    /// The hub broke the protocol: the link is closed with code 14.
    package func violated(_ why: String) {
        log("framing", .error, "closing \(name): \(why)")
        close(.protocol)
    }

    // MARK: - Carrying out

    private var now: NIODeadline { loop.eventLoop.now }

    private func run(_ action: DialingMachine.Action) {
        armTimer()
        switch action {
        case .none, .waitToRedial: break
        case .dial: dial()
        case .sayHello(let polite): sayHello(polite)
        case .use: use()
        case .stopNew:
            log("draining", .info, "\(name) is leaving; it gets nothing new")
            user?.hubIsLeaving(self)
        case .answerDrain: say(Drain(deadlineMilliseconds: 0))
        case .sayDrain(let milliseconds): say(Drain(deadlineMilliseconds: milliseconds))
        case .hubStopped: user?.hubHasStopped(self)
        case .closeWhenEmpty: closeWhenEmpty()
        case .close(let code):
            log("handshake", .warning, "closing \(name): no WELCOME within 5s")
            close(code)
        case .hangUp: link?.abandon(.draining)
        case .finish: finish()
        }
    }

    private func armTimer() {
        if let due = machine.due { loop.arm(timer, at: due) } else { loop.cancel(timer) }
    }

    private func dial() {
        if hasDialed { redials += 1 }
        hasDialed = true
        let started = now
        source.confirm(address, on: loop.eventLoop).flatMap { isCurrent -> EventLoopFuture<Link> in
            guard isCurrent else { return self.loop.eventLoop.makeFailedFuture(Retired()) }
            let left = DialingMachine.attempt - (self.now - started)
            return Dialer.dial(
                self.address, on: self.loop, owner: self, timeout: max(left, .milliseconds(1)), security: self.source.security,
                endpoint: self.source.endpoint)
        }.whenFailure { self.attemptFailed($0) }
    }

    private struct Retired: Error {}

    private func attemptFailed(_ error: any Error) {
        if error is Retired {
            log("retired", .info, "\(name): the name no longer stands for it; it is not dialed any more")
            machine.stop()
            return finish()
        }
        if machine.state == .connecting { log("dial", .warning, "\(name): cannot connect: \(describe(error)); trying again") }
        run(machine.ended(now: now) { Int64.random(in: $0) })
        attemptEnded()
    }

    private func attemptEnded() {
        firstAttempt?.succeed(())
        firstAttempt = nil
    }

    private func sayHello(_ polite: Bool) {
        var hello = hello
        if machine.isUp { hello.token = linkToken } else { linkToken = hello.token }
        if polite { hello.flags.insert(.polite) }
        say(hello)
    }

    private func say(_ body: some ControlBody) {
        if let link { wire.append(body, to: link) }
    }

    private func use() {
        guard let link, let welcome else { return }
        loop.arm(link.timer, at: now + machine.heartbeatInterval)
        log("up", .info, "\(name) is up")
        user?.hubIsUp(self, welcome)
        attemptEnded()
        run(machine.welcomeIsUsed(now: now))
    }

    private func closeWhenEmpty() {
        guard let link else { return }
        isClosingWhenEmpty = link.queued > 0
        if isClosingWhenEmpty { link.resumeMark = 0 } else { closeAsDone(link) }
    }

    private func closeAsDone(_ link: Link) {
        down(.draining)
        link.close(.draining)
    }

    private func close(_ code: Code) {
        guard let link, link.isOpen else { return }
        down(code)
        link.close(code) { wire.append(Reject(code), to: $0) }
    }

    /// Once for each WELCOME: nothing more is said to it.
    private func down(_ code: Code) {
        guard welcome != nil else { return }
        welcome = nil
        hasRemains = true
        user?.hubIsDown(self, code)
    }

    private var hasRemains = false
    /// What the hub's last word on this link was.
    private var rejection: Code?

    private func finish() {
        loop.cancel(timer)
        let link = self.link
        link?.abandon(.draining)
        guard link == nil || link?.state == .closed else { return }
        stopped()
    }

    private func stopped() {
        attemptEnded()
        whenStopped?.succeed(())
        whenStopped = nil
        user = nil
    }

    private func log(_ kind: String, _ level: Logger.Level, _ message: String) { user?.hub(self, event: kind, level: level, message) }

    // MARK: - The link

    package func linkOpened(_ link: Link) {
        self.link = link
        run(machine.connected())
    }

    package func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        var offset = 0
        while !machine.isUp {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            switch wire.frame(at: rest) {
            case .needs(let count): return Consumed(bytes: offset, needed: count)
            case .malformed(let why):
                violated(why)
                return Consumed(bytes: bytes.count, needed: wire.headerSize)
            case .frame(let kind, let body, let count):
                offset += count
                greeted(kind, UnsafeRawBufferPointer(rebasing: rest[body]))
                guard link.isOpen else { return Consumed(bytes: bytes.count, needed: wire.headerSize) }
            }
        }
        guard offset < bytes.count, let user else { return Consumed(bytes: offset, needed: wire.headerSize) }
        let result = user.hub(self, on: link, received: UnsafeRawBufferPointer(rebasing: bytes[offset...]))
        return Consumed(bytes: offset + result.bytes, needed: result.needed)
    }

    /// Before WELCOME nothing else is taken.
    private func greeted(_ kind: ControlType?, _ body: UnsafeRawBufferPointer) {
        guard let kind, kind == .welcome || kind == .reject else {
            return violated("it said \(kind?.name ?? "something") before WELCOME")
        }
        _ = hear(kind, body)
    }

    private func welcomed(_ welcome: Welcome) {
        if self.welcome == nil { self.welcome = welcome }
        run(machine.welcomed(welcome))
    }

    private func rejected(_ reject: Reject) {
        machine.rejected(code: reject.code)
        rejection = Code(rawValue: reject.code)
        log("rejected", .error, "\(name) rejects us: \(Code.name(of: reject.code))\(reject.reason.isEmpty ? "" : ": \(reject.reason)")")
    }

    package func linkDrained(_ link: Link) {
        guard isClosingWhenEmpty else {
            user?.hubDrained(self, link)
            return
        }
        link.resumeMark = nil
        closeAsDone(link)
    }

    package func link(_ link: Link, closed end: LinkEnd) {
        self.link = nil
        isClosingWhenEmpty = false
        let code = rejection ?? end.code ?? .lost
        rejection = nil
        if welcome != nil, machine.isHubServed, code == .lost, end.error == nil {
            log("down", .info, "\(name) has left")
        } else if welcome != nil, code != .draining {
            log("down", .warning, "\(name) is down: \(end.error.map(describe) ?? code.name); dialing again")
        }
        down(code)
        if hasRemains {
            hasRemains = false
            user?.hub(self, left: end.remains)
        }
        let wasStopped = machine.state == .stopped
        run(machine.ended(now: now) { Int64.random(in: $0) })
        attemptEnded()
        if wasStopped { stopped() }
    }

    package func timerFired(_ timer: LoopTimer) {
        if timer === self.timer { run(machine.timerDue(now: now)) } else { checkHeartbeat() }
    }

    private func checkHeartbeat() {
        guard let link, machine.isUp else { return }
        switch machine.beat(now: now, lastHeard: link.lastHeard) {
        case .wait(let until): loop.arm(link.timer, at: until)
        case .ping(let lookAgain):
            wire.append(.ping, body: ByteBuffer(), to: link)
            loop.arm(link.timer, at: lookAgain)
        case .giveUp:
            let silence = Heartbeat.patience * Int(machine.heartbeatInterval.nanoseconds / 1_000_000)
            log("silent", .warning, "\(name) was silent for \(silence) ms, \(Heartbeat.patience) heartbeats; closing it")
            close(.idle)
        }
    }
}

extension HubLink {
    package func description(of link: Link) -> LinkDescription {
        LinkDescription(side: .hub, name: welcome?.name, route: "hubs", framing: wire.framing)
    }
}
