/// The header of every frame on the links of an RPC hub. Big-endian.
///
/// | offset | size | field         | meaning                                                         |
/// |--------|------|---------------|-----------------------------------------------------------------|
/// | 0      | 4    | `length`      | the whole frame                                                 |
/// | 4      | 1    | `kind`        | ``RPCKind``                                                     |
/// | 5      | 1    | `flags`       | bit 0: oneway (REQUEST only)                                    |
/// | 6      | 2    | `code`        | UNDELIVERED and REJECT                                          |
/// | 8      | 4    | `rpc_id`      | target of a REQUEST, echoed in what answers it                  |
/// | 12     | 4    | `timeout_ms`  | REQUEST: time left; 0: the hub's default                        |
/// | 16     | 8    | `identify_id` | the caller                                                      |
/// | 24     | 8    | `call_id`     | the caller's number for this call; toward an agent the hub's    |
/// | 32     | n    | payload       |                                                                 |
///
/// Source: protocol section 3.
public struct RPCHeader: Sendable, Hashable {
    /// Bytes of a header.
    @inlinable public static var size: Int { 32 }
    /// The largest `maxFrame` that a hub may have.
    @inlinable public static var largestFrame: Int { 16 << 20 }
    /// `maxFrame` unless configured.
    @inlinable public static var defaultMaxFrame: Int { 1 << 20 }

    /// Bytes of the whole frame, header included: 32 ... `maxFrame`.
    public var length: Int
    /// As it stands on the wire; one that ``RPCKind`` does not know is ignored and counted.
    public var kind: UInt8
    /// Bit 0: oneway, in a REQUEST.
    public var flags: UInt8
    /// Why, in UNDELIVERED and REJECT: a ``Code``'s raw value.
    public var code: UInt16
    /// What a REQUEST is for; echoed in what answers it.
    public var rpc: UInt32
    /// Of a REQUEST: the time left, in milliseconds; 0 is the hub's default.
    public var timeoutMilliseconds: UInt32
    /// The caller.
    public var identify: UInt64
    /// The caller's number for the call; toward an agent the hub's.
    public var call: UInt64

    /// The header of a frame with that many payload bytes.
    @inlinable
    public init(
        _ kind: RPCKind, payloadCount: Int, oneway: Bool = false, code: UInt16 = 0, rpc: UInt32 = 0, timeoutMilliseconds: UInt32 = 0,
        identify: UInt64 = 0, call: UInt64 = 0
    ) {
        length = RPCHeader.size + payloadCount
        self.kind = kind.rawValue
        flags = oneway ? 1 : 0
        self.code = code
        self.rpc = rpc
        self.timeoutMilliseconds = timeoutMilliseconds
        self.identify = identify
        self.call = call
    }

    /// Bytes of the payload.
    @inlinable public var payloadCount: Int { length - RPCHeader.size }
    /// No answer is wanted (rule S23).
    @inlinable public var isOneway: Bool { flags & 1 != 0 }

    /// The length that the four bytes at `bytes` give.
    @inlinable
    package static func length(at bytes: UnsafeRawPointer) -> Int { Int(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))) }

    /// Reads a header; the caller has checked that ``size`` bytes are readable at `bytes`.
    @inlinable
    package init(at bytes: UnsafeRawPointer) {
        length = RPCHeader.length(at: bytes)
        kind = (bytes + 4).loadUnaligned(as: UInt8.self)
        flags = (bytes + 5).loadUnaligned(as: UInt8.self)
        code = UInt16(bigEndian: (bytes + 6).loadUnaligned(as: UInt16.self))
        rpc = UInt32(bigEndian: (bytes + 8).loadUnaligned(as: UInt32.self))
        timeoutMilliseconds = UInt32(bigEndian: (bytes + 12).loadUnaligned(as: UInt32.self))
        identify = UInt64(bigEndian: (bytes + 16).loadUnaligned(as: UInt64.self))
        call = UInt64(bigEndian: (bytes + 24).loadUnaligned(as: UInt64.self))
    }

    /// Writes the header; the caller has made sure of ``size`` writable bytes at `bytes`, and that ``length`` fits 32 bits.
    @inlinable
    package func store(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: UInt32(truncatingIfNeeded: length).bigEndian, as: UInt32.self)
        (bytes + 4).storeBytes(of: kind, as: UInt8.self)
        (bytes + 5).storeBytes(of: flags, as: UInt8.self)
        (bytes + 6).storeBytes(of: code.bigEndian, as: UInt16.self)
        (bytes + 8).storeBytes(of: rpc.bigEndian, as: UInt32.self)
        (bytes + 12).storeBytes(of: timeoutMilliseconds.bigEndian, as: UInt32.self)
        (bytes + 16).storeBytes(of: identify.bigEndian, as: UInt64.self)
        (bytes + 24).storeBytes(of: call.bigEndian, as: UInt64.self)
    }
}
