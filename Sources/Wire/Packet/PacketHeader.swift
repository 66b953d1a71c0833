/// The header of every packet.
///
/// | offset | size | field      | meaning                                                              |
/// |--------|------|------------|----------------------------------------------------------------------|
/// | 0      | 2    | `Pack_len` | whole packet (or body alone, see ``WireFormat``)                     |
/// | 2      | 2    | `Pack_type`| 0x0000-0xFEFF application, 0xFF00-0xFFFF control                     |
/// | 4      | 8    | `User_id`  | user, 0 before the session is bound                                  |
/// | 12     | 4    | `Token`    | the user's token, 0 before the session is bound                      |
/// | 16     | 4    | `Es_id`    | the edge server (gateway) that holds the client                      |
/// | 20     | 8    | `Session`  | the client connection on that edge                                   |
/// | 28     | n    | body       | application bytes                                                    |
///
/// Source: protocol section 1.
public struct PacketHeader: Sendable, Hashable {
    /// Bytes of a header.
    @inlinable public static var size: Int { 28 }
    /// The largest body that fits a link with `length: packet`.
    @inlinable public static var maxBody: Int { 0xFFFF - size }
    /// The first control type.
    @inlinable public static var firstControlType: UInt16 { 0xFF00 }
    /// Stands for every edge of the service's cluster; never an edge's own id.
    @inlinable public static var everyEdge: UInt32 { 0xFFFF_FFFF }

    /// Bytes of the whole packet, header included, whatever `Pack_len` counts on the link: 28 ... 65,563.
    public var length: Int
    /// What the packet is: 0 ... 0xFEFF is the application's, from 0xFF00 on it is a ``ControlType``.
    public var type: UInt16
    /// The user; 0 before the session is bound.
    public var user: UInt64
    /// The user's token; 0 before the session is bound.
    public var token: UInt32
    /// The edge (gateway) that holds the client.
    public var es: UInt32
    /// The client connection on that edge.
    public var session: UInt64

    /// A header of a packet of `length` bytes in all.
    @inlinable
    public init(length: Int, type: UInt16, user: UInt64 = 0, token: UInt32 = 0, es: UInt32 = 0, session: UInt64 = 0) {
        self.length = length
        self.type = type
        self.user = user
        self.token = token
        self.es = es
        self.session = session
    }

    /// The header of a packet with that many body bytes.
    @inlinable
    public init(bodyCount: Int, type: UInt16, user: UInt64 = 0, token: UInt32 = 0, es: UInt32 = 0, session: UInt64 = 0) {
        self.init(length: PacketHeader.size + bodyCount, type: type, user: user, token: token, es: es, session: session)
    }

    /// Bytes of the body.
    @inlinable public var bodyCount: Int { length - PacketHeader.size }
    /// Whether the type is a control type, 0xFF00 and up.
    @inlinable public var isControl: Bool { type >= PacketHeader.firstControlType }

    /// The length of the packet that starts at `bytes`, of which two bytes must be readable; below ``size`` it is malformed.
    @inlinable
    package static func length(at bytes: UnsafeRawPointer, format: WireFormat) -> Int {
        let raw = bytes.loadUnaligned(as: UInt16.self)
        return Int(format.isLittle ? UInt16(littleEndian: raw) : UInt16(bigEndian: raw)) + format.uncounted
    }

    /// Reads a header; the caller has checked that ``size`` bytes are readable at `bytes`.
    @inlinable
    package init(at bytes: UnsafeRawPointer, format: WireFormat) {
        let type = (bytes + 2).loadUnaligned(as: UInt16.self)
        let user = (bytes + 4).loadUnaligned(as: UInt64.self)
        let token = (bytes + 12).loadUnaligned(as: UInt32.self)
        let es = (bytes + 16).loadUnaligned(as: UInt32.self)
        let session = (bytes + 20).loadUnaligned(as: UInt64.self)
        let length = PacketHeader.length(at: bytes, format: format)
        if format.isLittle {
            self.init(
                length: length, type: type.littleEndian, user: user.littleEndian, token: token.littleEndian, es: es.littleEndian,
                session: session.littleEndian)
        } else {
            self.init(
                length: length, type: type.bigEndian, user: user.bigEndian, token: token.bigEndian, es: es.bigEndian,
                session: session.bigEndian)
        }
    }

    /// Writes the header; the caller has made sure of ``size`` writable bytes at `bytes`, and that ``length`` fits `format`.
    @inlinable
    package func store(to bytes: UnsafeMutableRawPointer, format: WireFormat) {
        let counted = UInt16(truncatingIfNeeded: length - format.uncounted)
        if format.isLittle {
            bytes.storeBytes(of: counted.littleEndian, as: UInt16.self)
            (bytes + 2).storeBytes(of: type.littleEndian, as: UInt16.self)
            (bytes + 4).storeBytes(of: user.littleEndian, as: UInt64.self)
            (bytes + 12).storeBytes(of: token.littleEndian, as: UInt32.self)
            (bytes + 16).storeBytes(of: es.littleEndian, as: UInt32.self)
            (bytes + 20).storeBytes(of: session.littleEndian, as: UInt64.self)
        } else {
            bytes.storeBytes(of: counted.bigEndian, as: UInt16.self)
            (bytes + 2).storeBytes(of: type.bigEndian, as: UInt16.self)
            (bytes + 4).storeBytes(of: user.bigEndian, as: UInt64.self)
            (bytes + 12).storeBytes(of: token.bigEndian, as: UInt32.self)
            (bytes + 16).storeBytes(of: es.bigEndian, as: UInt32.self)
            (bytes + 20).storeBytes(of: session.bigEndian, as: UInt64.self)
        }
    }
}
