/// The kinds of frames on the links of an RPC hub. Kinds that also exist as control packets carry the same bodies.
///
/// Source: protocol section 3.
public enum RPCKind: UInt8, Sendable, CaseIterable {
    /// Who dials: ``Hello``.
    case hello = 1
    /// The hub's answer to it: ``Welcome``.
    case welcome = 2
    /// The last word before a close, and why.
    case reject = 3
    /// Asks whether the other side lives.
    case ping = 4
    /// The answer to it.
    case pong = 5
    /// The sender is leaving, or has stopped: ``Drain``.
    case drain = 6
    /// A call has no reply, and why.
    case undelivered = 7
    /// What the hub can reach: ``Peers``.
    case peers = 12
    /// A call: ``ProtoRequest``.
    case request = 16
    /// Its answer: ``ProtoReply``.
    case reply = 17
    /// The caller no longer wants the answer.
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
