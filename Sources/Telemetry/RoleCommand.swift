public import Wire

/// What an operator may ask of a role while it runs.
public enum RoleCommand: Sendable, Equatable {
    /// Close the link with that ``LinkView/id``, in order, with code `cancelled`.
    case closeLink(UInt64)
    /// Close one session, or every session of a user, as a KICK from a server would.
    case kick(session: UInt64?, user: UInt64?, code: Code, reason: String)
    /// Give an upstream address nothing new; what it has is served, and its links stay.
    case disable(address: String)
    /// Use it again.
    case enable(address: String)
}
