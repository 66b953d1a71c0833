public import NIOCore

/// One packet for many sessions of an edge (protocol section 2).
///
/// | offset | size  | field                                                              |
/// |--------|-------|--------------------------------------------------------------------|
/// | 0      | 2     | `n`; 0: every bound session of the edge                            |
/// | 2      | 8 n   | sessions                                                           |
/// | 2 + 8n | 28    | header of the inner packet, in the format of this link             |
/// | 30 + 8n| rest  | its body; the inner packet fills the rest exactly                  |
public struct Multicast: ControlBody {
    public static let controlType = ControlType.multicast
    /// Who is to have it; none stands for every bound session of the edge. At most as many as fit beside the inner packet.
    public var sessions: [UInt64]
    /// What each of them gets, of an application type; the gateway fills in session, user and edge.
    public var inner: Packet

    /// A packet for those sessions.
    public init(sessions: [UInt64], inner: Packet) {
        self.sessions = sessions
        self.inner = inner
    }

    public init(body: ByteBuffer, format: WireFormat) throws(WireError) {
        var sessions: [UInt64] = []
        var inner: Packet?
        var fault: WireError?
        body.withUnsafeReadableBytes { bytes in
            do throws(WireError) {
                let view = try MulticastView(body: bytes, format: format)
                for index in 0..<view.count { sessions.append(view.session(index)) }
                inner = Packet(header: view.inner, body: ByteBuffer(bytes: view.innerBody))
            } catch { fault = error }
        }
        guard let inner else { throw fault ?? .short("MULTICAST") }
        self.init(sessions: sessions, inner: inner)
    }

    public func write(to buffer: inout ByteBuffer, format: WireFormat) {
        buffer.writeInteger(UInt16(sessions.count))
        for session in sessions { buffer.writeInteger(session) }
        inner.write(to: &buffer, format: format)
    }
}

/// A MULTICAST body read in place, for a gateway that hands one packet to thousands without copying the list.
///
/// Valid only while the bytes that it was made from are; every offset was checked against their count at creation.
package struct MulticastView {
    package let count: Int
    package let inner: PacketHeader
    package let innerBody: UnsafeRawBufferPointer
    private let sessions: UnsafeRawBufferPointer

    /// Checks the whole body: the inner packet must be of an application type and fill the rest exactly.
    package init(body: UnsafeRawBufferPointer, format: WireFormat) throws(WireError) {
        guard body.count >= 2 else { throw .short("MULTICAST count") }
        let count = Int(UInt16(bigEndian: body.loadUnaligned(as: UInt16.self)))
        let start = 2 + count * 8
        guard body.count >= start + PacketHeader.size, let base = body.baseAddress else { throw .short("MULTICAST") }
        let inner = PacketHeader(at: base + start, format: format)
        guard inner.length == body.count - start else {
            throw WireError(.badRequest, "MULTICAST holds a packet of \(inner.length) bytes in \(body.count - start)")
        }
        guard !inner.isControl else { throw WireError(.badRequest, "MULTICAST of control type \(inner.type)") }
        self.count = count
        self.inner = inner
        sessions = UnsafeRawBufferPointer(rebasing: body[2..<start])
        innerBody = UnsafeRawBufferPointer(rebasing: body[(start + PacketHeader.size)...])
    }

    /// The session at `index`, which is below ``count``.
    package func session(_ index: Int) -> UInt64 {
        UInt64(bigEndian: sessions.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
    }
}
