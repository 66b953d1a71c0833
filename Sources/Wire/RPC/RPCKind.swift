/// The kinds of frames on the links of an RPC hub. Kinds that also exist as control packets carry the same bodies.
///
/// Source: protocol section 3.
public enum RPCKind: UInt8, Sendable, CaseIterable {
    case hello = 1
    case welcome = 2
    case reject = 3
    case ping = 4
    case pong = 5
    case drain = 6
    case undelivered = 7
    case peers = 12
    case request = 16
    case reply = 17
    case cancel = 18

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
        case .peers: "PEERS"
        case .request: "REQUEST"
        case .reply: "REPLY"
        case .cancel: "CANCEL"
        }
    }

    /// Whether a frame of this kind that is over the link's limit is read away and answered, instead of ending the link.
    @inlinable package var isCall: Bool { self == .request || self == .reply }
}
