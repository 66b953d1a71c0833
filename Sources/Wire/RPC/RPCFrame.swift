public import NIOCore

/// A frame as a value: for handshakes, programs, tools and tests. Relays work on headers in place and never build one.
public struct RPCFrame: Sendable, Hashable {
    /// Kind, length, whose call it is.
    public var header: RPCHeader
    /// What its kind carries.
    public var payload: ByteBuffer

    /// `header.length` becomes that of header and payload together.
    public init(_ header: RPCHeader, payload: ByteBuffer = ByteBuffer()) {
        self.header = header
        self.header.length = RPCHeader.size + payload.readableBytes
        self.payload = payload
    }

    /// A frame that carries a control body, such as HELLO or DRAIN.
    public init(_ kind: RPCKind, _ control: some ControlBody) {
        var payload = ByteBuffer()
        control.write(to: &payload, format: .standard)
        self.init(RPCHeader(kind, payloadCount: 0), payload: payload)
    }

    /// A refusal; the code stands in the header too.
    public init(_ reject: Reject) {
        self.init(.reject, reject)
        header.code = reject.code
    }

    /// Appends the frame's bytes.
    public func write(to buffer: inout ByteBuffer) {
        buffer.writeRPCHeader(header)
        buffer.writeImmutableBuffer(payload)
    }

    /// Takes one frame off the front of `buffer`, or returns nil and moves nothing while it is incomplete.
    /// - Throws: ``WireError`` with code 14 when the length cannot be one, or is over `maxFrame`.
    public init?(from buffer: inout ByteBuffer, maxFrame: Int = RPCHeader.largestFrame) throws(WireError) {
        let (length, parsed): (Int?, RPCHeader?) = buffer.withUnsafeReadableBytes { bytes in
            guard bytes.count >= 4, let base = bytes.baseAddress else { return (nil, nil) }
            return (RPCHeader.length(at: base), bytes.count >= RPCHeader.size ? RPCHeader(at: base) : nil)
        }
        guard let length else { return nil }
        guard (RPCHeader.size...maxFrame).contains(length) else { throw .badFrameLength(length, maxFrame: maxFrame) }
        guard let parsed, buffer.readableBytes >= length else { return nil }
        buffer.moveReaderIndex(forwardBy: RPCHeader.size)
        guard let payload = buffer.readSlice(length: parsed.payloadCount) else { return nil }
        header = parsed
        self.payload = payload
    }
}

extension WireError {
    package static func badFrameLength(_ length: Int, maxFrame: Int) -> WireError {
        WireError(.protocol, "a frame of \(length) bytes; \(RPCHeader.size) to \(maxFrame) are allowed")
    }
}

extension ByteBuffer {
    /// Appends the 32 header bytes.
    public mutating func writeRPCHeader(_ header: RPCHeader) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: RPCHeader.size) { bytes in
            // Guard: at least the header's size is writable, so a base address exists.
            header.store(to: bytes.baseAddress!)
            return RPCHeader.size
        }
    }
}
