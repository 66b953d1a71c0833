/// Who a dialer says it is in its HELLO. Source: protocol section 4.
public enum Role: UInt8, Sendable, CaseIterable {
    /// A gateway, on a packet hub.
    case edge = 1
    /// A service, on a packet hub.
    case service = 2
    /// Whoever calls, on an RPC hub.
    case caller = 3
    /// Whoever answers calls, on an RPC hub.
    case agent = 4
}

/// An inclusive range of packet types or RPC ids.
public struct Claim: Sendable, Hashable {
    /// The first.
    public var lo: UInt32
    /// The last.
    public var hi: UInt32

    /// From the first to the last, both included.
    public init(_ lo: UInt32, _ hi: UInt32) {
        self.lo = lo
        self.hi = hi
    }
}

/// Numbers of the handshake that both halves must agree on. Source: protocol section 4.
public enum Handshake {
    /// The version that this code speaks.
    public static let version: UInt8 = 1
    /// The largest HELLO body, checked from the length before anything is kept.
    public static let maxHello = 32 * 1024
    /// The most claims of one HELLO.
    public static let maxClaims = 2048
}
