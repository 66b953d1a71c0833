/// How the 28 header bytes read on one link; old fleets differ in two details. Control bodies are big-endian in every format.
///
/// Source: protocol section 1. Hub links always use ``standard``.
public struct WireFormat: Sendable, Hashable {
    /// Byte order of the header's integers.
    public enum ByteOrder: String, Sendable, CaseIterable {
        /// Most significant byte first.
        case big
        /// Least significant byte first.
        case little
    }

    /// What `Pack_len` counts.
    public enum Length: String, Sendable, CaseIterable {
        /// The whole packet.
        case packet
        /// The body alone.
        case body
    }

    @usableFromInline package let isLittle: Bool
    /// Bytes that are part of a packet and not counted by `Pack_len`: 0, or the header.
    @usableFromInline package let uncounted: Int

    /// A format of these two choices.
    public init(byteOrder: ByteOrder = .big, length: Length = .packet) {
        isLittle = byteOrder == .little
        uncounted = length == .body ? PacketHeader.size : 0
    }

    /// Big-endian, `Pack_len` counts the whole packet.
    public static let standard = WireFormat()

    /// How the integers of a header are ordered.
    public var byteOrder: ByteOrder { isLittle ? .little : .big }
    /// What `Pack_len` counts.
    public var length: Length { uncounted == 0 ? .packet : .body }

    /// The largest packet, header included, that a link of this format carries: 65,535 bytes, or 65,563 with `length: body`.
    @inlinable public var maxPacket: Int { 0xFFFF + uncounted }
}
