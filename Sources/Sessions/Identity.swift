public import Wire

/// Who a session is, and what its client may claim to be (rule S9). Pure.
public struct Identity {
    /// What becomes of the `User_id` and `Token` that a client claims (rule S9).
    public enum Verify: String, Sendable, CaseIterable { case strict, stamp, pass }

    /// What becomes of a packet.
    public enum Verdict: Equatable {
        /// The header carries the right pair now; send it on.
        case pass
        /// Answered UNDELIVERED 11: the session is not bound and the type is not public.
        case refuse
        /// The client spoke for another user: closed with code 11.
        case close
    }

    @usableFromInline package private(set) var user: UInt64 = 0
    @usableFromInline package private(set) var token: UInt32 = 0
    @usableFromInline package private(set) var isBound = false

    package init() {}

    /// From here on the session is that user; 0 unbinds it.
    package mutating func bind(user: UInt64, token: UInt32) {
        isBound = user != 0
        self.user = isBound ? user : 0
        self.token = isBound ? token : 0
    }

    /// Puts the pair that servers may trust into `header`.
    /// - Parameter passes: the packet goes where an unbound client's own claim is let through (`verify: pass`, legacy route).
    @inlinable
    @inline(__always)
    public func stamp(_ header: inout PacketHeader, verify: Verify, passes: Bool, isPublic: Bool) -> Verdict {
        guard isBound else {
            if !isPublic { return .refuse }
            if !passes {
                header.user = 0
                header.token = 0
            }
            return .pass
        }
        let isOwn = header.user == user && header.token == token
        let isBlank = header.user == 0 && header.token == 0
        if !isOwn && !isBlank && verify != .stamp { return .close }
        header.user = user
        header.token = token
        return .pass
    }
}
