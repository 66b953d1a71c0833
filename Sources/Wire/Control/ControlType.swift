/// The control packets that this version knows; `Pack_type` is 0xFF00 + kind.
///
/// Source: protocol section 2.
public enum ControlType: UInt16, Sendable, CaseIterable {
    /// Who dials a hub: ``Hello``.
    case hello = 0xFF01
    /// The hub's answer to it: ``Welcome``.
    case welcome = 0xFF02
    /// The last word before a close, and why: ``Reject``.
    case reject = 0xFF03
    /// Asks whether the other side lives; up to 64 opaque bytes.
    case ping = 0xFF04
    /// The answer to it, with the same bytes.
    case pong = 0xFF05
    /// The sender is leaving, or has stopped: ``Drain``.
    case drain = 0xFF06
    /// A packet was not delivered, and why: ``Undelivered``.
    case undelivered = 0xFF07
    /// A client connection is gone: ``SessionClosed``.
    case sessionClosed = 0xFF08
    /// A service closes a session: ``Kick``.
    case kick = 0xFF09
    /// A session is that user from here on: ``Bind``.
    case bind = 0xFF0A
    /// One packet for many sessions: ``Multicast``.
    case multicast = 0xFF0B
    /// What a hub can reach: ``Peers``.
    case peers = 0xFF0C

    /// The name in the protocol's table, for logs and `decode`.
    public var name: String {
        switch self {
        case .hello: "HELLO"
        case .welcome: "WELCOME"
        case .reject: "REJECT"
        case .ping: "PING"
        case .pong: "PONG"
        case .drain: "DRAIN"
        case .undelivered: "UNDELIVERED"
        case .sessionClosed: "SESSION_CLOSED"
        case .kick: "KICK"
        case .bind: "BIND"
        case .multicast: "MULTICAST"
        case .peers: "PEERS"
        }
    }
}
