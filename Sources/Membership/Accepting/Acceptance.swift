package import NIOCore
import Telemetry
package import Wire

/// The life of one accepted link, from its first byte to its end (protocol section 4). Pure: bytes, time and other members stay outside.
package struct Acceptance: Equatable {
    package enum State: Equatable {
        /// Nothing has been said; HELLO is due by that time.
        case silent(until: NIODeadline)
        /// A HELLO was accepted by itself, and the registry has not answered.
        case asking(Member)
        /// Registered; WELCOME follows when every event loop knows it.
        case registered(Member, MemberID)
        /// WELCOME is written.
        case welcomed(Member, MemberID)
        /// Refused, displaced or gone.
        case over
    }

    /// What the link's shell has to do.
    package enum Action: Equatable {
        case none
        /// Ask the registry to take it.
        case register(Member)
        /// Ask the registry to replace its claims.
        case update(Member)
        /// REJECT and close.
        case refuse(Refusal)
    }

    /// Each side's time for its part of the handshake.
    package static let patience = TimeAmount.seconds(5)

    package private(set) var state: State
    /// HELLOs that came before the registry had answered the first, the last one alone.
    private var pending: Member?

    package init(now: NIODeadline) { state = .silent(until: now + Acceptance.patience) }

    package var isWelcomed: Bool { if case .welcomed = state { true } else { false } }

    package var id: MemberID? {
        switch state {
        case .registered(_, let id), .welcomed(_, let id): id
        case .silent, .asking, .over: nil
        }
    }

    package var member: Member? {
        switch state {
        case .asking(let member), .registered(let member, _), .welcomed(let member, _): member
        case .silent, .over: nil
        }
    }

    /// A HELLO, or what was wrong with its bytes.
    package mutating func helloReceived(_ hello: Result<Hello, WireError>, by rules: HelloRules, certificateNames: [String] = []) -> Action {
        if case .over = state { return .none }
        let member: Member
        do {
            member = try rules.judge(try hello.get(), certificateNames: certificateNames)
        } catch let error as WireError {
            return refuse(Refusal(error.code, detail: error.description))
        } catch let refusal as Refusal {
            return refuse(refusal)
        } catch {
            return refuse(Refusal(.internal, detail: "\(error)"))
        }
        switch state {
        case .silent:
            state = .asking(member)
            return .register(member)
        case .asking(let first):
            guard member.isSame(as: first) else { return refuse(changed(first, member)) }
            pending = member
            return .none
        case .registered(let first, let id):
            guard member.isSame(as: first) else { return refuse(changed(first, member)) }
            state = .registered(member, id)
            return .update(member)
        case .welcomed(let first, let id):
            guard member.isSame(as: first) else { return refuse(changed(first, member)) }
            state = .welcomed(member, id)
            return .update(member)
        case .over:
            return .none
        }
    }

    /// The registry has taken it.
    package mutating func registered(_ id: MemberID) -> Action {
        guard case .asking(let member) = state else { return .none }
        guard let later = pending else {
            state = .registered(member, id)
            return .none
        }
        pending = nil
        state = .registered(later, id)
        return .update(later)
    }

    /// The registry has not.
    package mutating func refused(_ refusal: Refusal) -> Action { state == .over ? .none : refuse(refusal) }

    /// Every event loop knows the registration: WELCOME is written now. False when the link is over.
    package mutating func published() -> Bool {
        switch state {
        case .registered(let member, let id):
            state = .welcomed(member, id)
            return true
        case .welcomed: return true
        case .silent, .asking, .over: return false
        }
    }

    /// Anything but HELLO; asked only before WELCOME.
    package mutating func otherReceived(_ what: String) -> Action {
        switch state {
        case .welcomed, .over: .none
        case .silent, .asking, .registered: refuse(Refusal(.protocol, detail: "it sent \(what) before WELCOME"))
        }
    }

    /// The time for its HELLO is over.
    package mutating func timedOut(now: NIODeadline) -> Action {
        guard case .silent(let deadline) = state, now >= deadline else { return .none }
        return refuse(Refusal(.protocol, detail: "no HELLO within 5s"))
    }

    /// The link is closed, or another has its identity.
    package mutating func ended() { state = .over }

    private mutating func refuse(_ refusal: Refusal) -> Action {
        state = .over
        return .refuse(refusal)
    }

    private func changed(_ first: Member, _ later: Member) -> Refusal {
        let detail = "it registered as \(first.identity) and then said HELLO as \(later.identity)"
        return Refusal(.unauthorized, reason: "unauthorized: a later HELLO must not change who speaks", detail: detail, breach: .identity)
    }
}

extension Member {
    /// Whether a later HELLO speaks for the same member: role, cluster and node, with a token of the same entry.
    fileprivate func isSame(as other: Member) -> Bool {
        identity == other.identity && cluster == other.cluster && credential == other.credential
    }
}
