public import NIOCore

/// Tells a sender what became of a packet that could not be delivered (protocol section 2, rule S1).
///
/// | offset | size | field                                                     |
/// |--------|------|-----------------------------------------------------------|
/// | 0      | 2    | `code`                                                    |
/// | 2      | 28   | header of the lost packet, in the format of this link     |
/// | 30     | 1    | `k`, at most 16                                           |
/// | 31     | k    | first bytes of the lost packet's body                     |
/// | 31 + k | n    | reason, UTF-8, at most 200 bytes                          |
public struct Undelivered: ControlBody {
    public static let controlType = ControlType.undelivered
    /// The most body bytes of the lost packet that are quoted.
    public static let maxQuote = 16
    /// The most bytes of a reason.
    public static let maxReason = 200

    /// Why, as a ``Code``'s raw value.
    public var code: UInt16
    /// As the reporter held it: `length` and `type` are the sender's, the rest may have been stamped on the way.
    public var lost: PacketHeader
    /// The first bytes of the lost packet's body, at most 16.
    public var quote: [UInt8]
    /// Why, in words: at most 200 bytes. Toward clients it is the code's name.
    public var reason: String

    /// A report in these words.
    public init(code: UInt16, lost: PacketHeader, quote: [UInt8], reason: String) {
        self.code = code
        self.lost = lost
        self.quote = Array(quote.prefix(Undelivered.maxQuote))
        self.reason = reason
    }

    public init(body: ByteBuffer, format: WireFormat) throws(WireError) {
        var body = body
        code = try body.take("UNDELIVERED code")
        guard let header = body.readSlice(length: PacketHeader.size) else { throw .short("UNDELIVERED header") }
        lost = header.withUnsafeReadableBytes { bytes in
            // Guard: the slice has exactly the header's size, so a base address exists.
            PacketHeader(at: bytes.baseAddress!, format: format)
        }
        let count: UInt8 = try body.take("UNDELIVERED quote length")
        guard count <= Undelivered.maxQuote else {
            throw WireError(.badRequest, "UNDELIVERED quotes \(count) bytes; at most \(Undelivered.maxQuote)")
        }
        guard let bytes = body.readBytes(length: Int(count)) else { throw .short("UNDELIVERED quote") }
        quote = bytes
        reason = try body.takeText(body.readableBytes, "UNDELIVERED reason")
    }

    public func write(to buffer: inout ByteBuffer, format: WireFormat) {
        buffer.writeInteger(code)
        buffer.writeHeader(lost, format: format)
        let quoted = quote.prefix(Undelivered.maxQuote)
        buffer.writeInteger(UInt8(quoted.count))
        buffer.writeBytes(quoted)
        buffer.writeText(reason, limit: Undelivered.maxReason)
    }
}
