public import Wire

/// What decides in which lane a packet waits: packets with equal keys are handled one after the other, in the order in which they
/// came (rule S8).
public enum LaneKey: Sendable, Hashable, CaseIterable {
    /// The session: all packets of one client connection are handled in order. The default.
    case session
    /// The user, so that all connections of one user share an order; the session while the user is 0. Across a BIND, which changes the
    /// key, no order is promised.
    case user

    /// The number that stands for a packet's sender.
    @inlinable
    public func value(of header: PacketHeader) -> UInt64 {
        switch self {
        case .session: header.session
        case .user: header.user == 0 ? header.session : header.user
        }
    }
}
