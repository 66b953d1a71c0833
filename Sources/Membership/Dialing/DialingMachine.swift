package import Links
package import NIOCore
package import Wire

/// The life of a link to one hub, seen by the one who dials: attempts, handshake, back-off, heartbeat, drains on both sides
/// (protocol section 4; rules S17, S18, S25).
///
/// Pure: time and chance come in as parameters, and every event gives one action for the shell to carry out.
package struct DialingMachine: ~Copyable {
    /// Each state with what it means.
    package enum State: Equatable {
        /// Between attempts.
        case waiting
        /// The name is looked up and the connection made.
        case connecting
        /// HELLO is said.
        case greeting
        /// WELCOME was heard; what there is to say may be said.
        case up
        /// Done for good.
        case stopped
    }

    package enum Action: Equatable {
        case none
        /// Look the name up and connect; the attempt ends at ``DialingMachine/due``.
        case dial
        /// Say HELLO; polite: never take a live registration over.
        case sayHello(polite: Bool)
        /// The hub takes part from here on.
        case use
        /// Try again at ``DialingMachine/due``.
        case waitToRedial
        /// The hub is leaving: start nothing new with it, and say when everything that came from it is answered.
        case stopNew
        /// Say DRAIN 0: nothing new follows.
        case answerDrain
        /// Say DRAIN: we are leaving.
        case sayDrain(milliseconds: UInt32)
        /// The hub has answered our DRAIN: nothing new comes.
        case hubStopped
        /// Close once the queue is empty.
        case closeWhenEmpty
        /// Close with that code, saying so.
        case close(Code)
        /// Close a connection that no one wants any more.
        case hangUp
        /// Over for good.
        case finish
    }

    private enum Leaving { case no, said, answered }

    package private(set) var state = State.waiting
    /// When ``timerDue(now:)`` is to be called.
    package private(set) var due: NIODeadline?
    /// The next HELLO is polite: the last one was answered REJECT 13.
    package private(set) var isPolite = false
    private var backoff = Backoff()
    private var refusal: Code?
    private var heartbeat = Heartbeat(interval: DialingMachine.defaultHeartbeat)
    private var hub = Leaving.no
    private var own = Leaving.no
    /// The HELLO that is on its way has other claims than there are now.
    private var hasOldClaims = false

    /// An attempt (look-up, connection and WELCOME) ends after this.
    package static let attempt = TimeAmount.seconds(5)
    /// After a refusal that a person has to look at.
    package static let afterRefusal = TimeAmount.seconds(30)
    /// A hub that names no heartbeat.
    static let defaultHeartbeat = TimeAmount.seconds(10)

    package init() {}

    package var isUp: Bool { state == .up }
    /// The hub has said that it leaves, and we that nothing new follows: its end is no surprise.
    package var isHubServed: Bool { hub == .answered }
    /// New work may go to it.
    package var isOpen: Bool { state == .up && hub == .no && own == .no }

    // MARK: - Attempts

    /// Starts the first attempt.
    package mutating func start(now: NIODeadline) -> Action {
        guard state == .waiting else { return .none }
        state = .connecting
        due = now + DialingMachine.attempt
        return .dial
    }

    package mutating func connected() -> Action {
        guard state == .connecting else { return .hangUp }
        state = .greeting
        hasOldClaims = false
        return .sayHello(polite: isPolite)
    }

    /// An attempt failed before there was a link, or the link has closed.
    /// - Parameter draw: returns a number evenly distributed over its range.
    package mutating func ended(now: NIODeadline, draw: (ClosedRange<Int64>) -> Int64) -> Action {
        guard state != .stopped, own == .no else {
            let wasStopped = state == .stopped
            stop()
            return wasStopped ? .none : .finish
        }
        var wait = backoff.next(draw: draw)
        if let refusal, [.unauthorized, .takenOver, .unsupportedVersion].contains(refusal) { wait = DialingMachine.afterRefusal }
        refusal = nil
        hub = .no
        state = .waiting
        due = now + wait
        return .waitToRedial
    }

    /// ``due`` has come.
    package mutating func timerDue(now: NIODeadline) -> Action {
        guard let due, now >= due else { return .none }
        self.due = nil
        switch state {
        case .waiting: return start(now: now)
        // The connection's own time-out is due now too, and comes as ``ended(now:draw:)``.
        case .connecting, .stopped: return .none
        case .greeting, .up: return .close(.protocol)
        }
    }

    // MARK: - What the hub says

    /// WELCOME, the first or the answer to new claims; one that nobody asked for means nothing.
    package mutating func welcomed(_ welcome: Welcome) -> Action {
        switch state {
        case .greeting:
            state = .up
            due = nil
            isPolite = false
            backoff.reset()
            let milliseconds = Int64(welcome.heartbeatMilliseconds)
            heartbeat = Heartbeat(interval: milliseconds == 0 ? DialingMachine.defaultHeartbeat : .milliseconds(max(10, milliseconds)))
            return .use
        case .up:
            due = nil
            return .none
        case .waiting, .connecting, .stopped:
            return .none
        }
    }

    /// REJECT; the hub closes next. The number of a code that this version does not know is one like any other.
    package mutating func rejected(code: UInt16) {
        refusal = Code(rawValue: code)
        if refusal == .takenOver { isPolite = true }
    }

    /// DRAIN of the hub, or its answer (0) to ours.
    package mutating func drainHeard(milliseconds: UInt32) -> Action {
        guard state == .up else { return .none }
        if milliseconds > 0 {
            guard hub == .no else { return .none }
            hub = .said
            return .stopNew
        }
        guard own == .said else { return .none }
        own = .answered
        return .hubStopped
    }

    /// Whether the hub is alive; called when its time has come.
    package mutating func beat(now: NIODeadline, lastHeard: NIODeadline) -> Heartbeat.Action {
        heartbeat.check(now: now, lastHeard: lastHeard)
    }

    package var heartbeatInterval: TimeAmount { heartbeat.interval }

    // MARK: - What the user wants

    /// The claims have changed: a later HELLO replaces them, once the first one is answered. Without a link they go with the next one.
    package mutating func claimsChanged(now: NIODeadline) -> Action {
        if state == .greeting { hasOldClaims = true }
        guard isOpen else { return .none }
        due = now + DialingMachine.attempt
        return .sayHello(polite: false)
    }

    /// The hub takes part. Claims that have changed since HELLO was said are said now.
    package mutating func welcomeIsUsed(now: NIODeadline) -> Action {
        guard hasOldClaims else { return .none }
        hasOldClaims = false
        return claimsChanged(now: now)
    }

    /// Everything that came over the link of a leaving hub is answered, and nothing new follows.
    package mutating func answeredEverything() -> Action {
        guard state == .up, hub == .said else { return .none }
        hub = .answered
        return .answerDrain
    }

    /// We are leaving. Without a hub that takes part there is nothing to wait for.
    package mutating func leave(milliseconds: UInt32) -> Action {
        switch state {
        case .up:
            guard own == .no else { return .none }
            own = .said
            due = nil
            return .sayDrain(milliseconds: max(1, milliseconds))
        case .waiting, .connecting, .greeting:
            stop()
            return .finish
        case .stopped:
            return .none
        }
    }

    /// We are leaving and have nothing left to say.
    package mutating func done() -> Action { state == .up && own != .no ? .closeWhenEmpty : .none }

    /// Over, whatever there was.
    package mutating func stop() {
        state = .stopped
        due = nil
    }
}
