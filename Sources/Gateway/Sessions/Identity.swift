import Wire

/// Who a session is, and what its client may claim to be (rule S9). Pure.
struct Identity {
    /// What becomes of a packet.
    enum Verdict: Equatable {
        /// The header carries the right pair now; send it on.
        case pass
        /// Answered UNDELIVERED 11: the session is not bound and the type is not public.
        case refuse
        /// The client spoke for another user: closed with code 11.
        case close
    }

    private(set) var user: UInt64 = 0
    private(set) var token: UInt32 = 0
    private(set) var isBound = false

    /// From here on the session is that user; 0 unbinds it.
    mutating func bind(user: UInt64, token: UInt32) {
        isBound = user != 0
        self.user = isBound ? user : 0
        self.token = isBound ? token : 0
    }

    /// Puts the pair that servers may trust into `header`.
    /// - Parameter passes: the packet goes where an unbound client's own claim is let through (`verify: pass`, legacy route).
    @inline(__always)
    func stamp(_ header: inout PacketHeader, verify: GatewaySettings.Verify, passes: Bool, isPublic: Bool) -> Verdict {
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
