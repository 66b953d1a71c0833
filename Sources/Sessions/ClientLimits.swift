public import NIOCore

/// Limits on clients, wherever they connect (rules S13, S15, S16); nil is unlimited.
public struct ClientLimits: Sendable, Equatable {
    /// Clients at once; one more is refused with REJECT 12.
    public var connections: Int? = 100_000
    /// Clients of one address at once.
    public var perAddress: Int?
    /// Packets of one client in a second, one second's worth at once; each over it is answered UNDELIVERED 12.
    public var packetsPerSecond: Int?
    /// Bytes of one client's packets in a second, likewise.
    public var bytesPerSecond: Int?
    /// Bytes queued toward one client before it is closed with code 16.
    public var maxPending = 1 << 20
    /// From the first byte of a client's first packet to its last.
    public var handshake: TimeAmount = .seconds(5)
    /// Without a complete frame.
    public var idle: TimeAmount = .seconds(120)

    /// The documented defaults.
    public init() {}
}
