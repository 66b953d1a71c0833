public import NIOCore

/// A packet as a value: for programs, tools and tests. Relays work on headers in place and never build one.
public struct Packet: Sendable, Hashable {
    /// Type, length and address. ``PacketHeader/length`` covers header and body together.
    public var header: PacketHeader
    /// The application's bytes, at most ``PacketHeader/maxBody``.
    public var body: ByteBuffer

    @inlinable
    package init(header: PacketHeader, body: ByteBuffer) {
        self.header = header
        self.body = body
    }

    /// A packet of `type` with `body`; at most ``PacketHeader/maxBody`` bytes fit every link.
    public init(type: UInt16, user: UInt64 = 0, token: UInt32 = 0, es: UInt32 = 0, session: UInt64 = 0, body: ByteBuffer = ByteBuffer()) {
        header = PacketHeader(bodyCount: body.readableBytes, type: type, user: user, token: token, es: es, session: session)
        self.body = body
    }

    /// A control packet that carries `control`; the header fields are those of the message's row in protocol section 2.
    public init(
        _ control: some ControlBody, user: UInt64 = 0, token: UInt32 = 0, es: UInt32 = 0, session: UInt64 = 0, format: WireFormat = .standard
    ) {
        var body = ByteBuffer()
        control.write(to: &body, format: format)
        self.init(type: type(of: control).controlType.rawValue, user: user, token: token, es: es, session: session, body: body)
    }

    /// Appends the packet's bytes. The caller keeps `header.length` at header and body together.
    public func write(to buffer: inout ByteBuffer, format: WireFormat = .standard) {
        buffer.writeHeader(header, format: format)
        buffer.writeImmutableBuffer(body)
    }

    /// Takes one packet off the front of `buffer`, or returns nil and moves nothing while it is incomplete.
    /// - Throws: ``WireError`` with code 14 when the length is below the header's: the stream cannot be resynchronised.
    public init?(from buffer: inout ByteBuffer, format: WireFormat = .standard) throws(WireError) {
        let parsed: PacketHeader? = buffer.withUnsafeReadableBytes { bytes in
            guard bytes.count >= PacketHeader.size, let base = bytes.baseAddress else { return nil }
            return PacketHeader(at: base, format: format)
        }
        guard let parsed else {
            if let length = buffer.packetLength(format: format), length < PacketHeader.size { throw .badLength(length) }
            return nil
        }
        guard parsed.length >= PacketHeader.size else { throw .badLength(parsed.length) }
        guard buffer.readableBytes >= parsed.length else { return nil }
        buffer.moveReaderIndex(forwardBy: PacketHeader.size)
        guard let body = buffer.readSlice(length: parsed.bodyCount) else { return nil }
        self.init(header: parsed, body: body)
    }
}

extension WireError {
    package static func badLength(_ length: Int) -> WireError {
        WireError(.protocol, "Pack_len gives a packet of \(length) bytes; the least is \(PacketHeader.size)")
    }
}

extension ByteBuffer {
    /// The length of the packet at the reader index, when its two length bytes are there.
    fileprivate func packetLength(format: WireFormat) -> Int? {
        withUnsafeReadableBytes { bytes in
            guard bytes.count >= 2, let base = bytes.baseAddress else { return nil }
            return PacketHeader.length(at: base, format: format)
        }
    }

    /// Appends the 28 header bytes.
    public mutating func writeHeader(_ header: PacketHeader, format: WireFormat) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: PacketHeader.size) { bytes in
            // Guard: at least the header's size is writable, so a base address exists.
            header.store(to: bytes.baseAddress!, format: format)
            return PacketHeader.size
        }
    }
}
