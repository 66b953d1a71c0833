/// Who a dialer says it is in its HELLO. Source: protocol section 4.
public enum Role: UInt8, Sendable, CaseIterable {
    case edge = 1
    case service = 2
    case caller = 3
    case agent = 4
}

/// An inclusive range of packet types or RPC ids.
public struct Claim: Sendable, Hashable {
    public var lo: UInt32
    public var hi: UInt32

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
