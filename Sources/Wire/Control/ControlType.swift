/// The control packets that this version knows; `Pack_type` is 0xFF00 + kind.
///
/// Source: protocol section 2.
public enum ControlType: UInt16, Sendable, CaseIterable {
    case hello = 0xFF01
    case welcome = 0xFF02
    case reject = 0xFF03
    case ping = 0xFF04
    case pong = 0xFF05
    case drain = 0xFF06
    case undelivered = 0xFF07
    case sessionClosed = 0xFF08
    case kick = 0xFF09
    case bind = 0xFF0A
    case multicast = 0xFF0B
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
