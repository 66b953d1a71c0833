/// An UNDELIVERED packet that is written straight into a link's block: a flood of refused packets allocates nothing.
///
/// The same bytes as a ``Packet`` of ``Undelivered``, whose table has the layout.
package struct UndeliveredFrame {
    package let header: PacketHeader
    private let code: UInt16
    private let lost: PacketHeader
    private let quote: UnsafeRawBufferPointer
    private let reason: String

    /// - Parameters:
    ///   - lost: the lost packet's header, as the reporter holds it.
    ///   - body: the lost packet's body, valid until ``store(to:format:)`` has run; its first bytes are quoted.
    ///   - reason: cut at 200 bytes, between characters.
    package init(code: UInt16, lost: PacketHeader, body: UnsafeRawBufferPointer, reason: String) {
        self.code = code
        self.lost = lost
        quote = UnsafeRawBufferPointer(rebasing: body.prefix(Undelivered.maxQuote))
        self.reason = String(reason.prefix(bytes: Undelivered.maxReason))
        header = PacketHeader(
            bodyCount: 2 + PacketHeader.size + 1 + quote.count + self.reason.utf8.count, type: ControlType.undelivered.rawValue,
            user: lost.user, token: lost.token, es: lost.es, session: lost.session)
    }

    /// Writes the whole packet; the caller has made sure of `header.length` writable bytes.
    package func store(to bytes: UnsafeMutableRawPointer, format: WireFormat) {
        header.store(to: bytes, format: format)
        var at = bytes + PacketHeader.size
        at.storeBytes(of: code.bigEndian, as: UInt16.self)
        lost.store(to: at + 2, format: format)
        at += 2 + PacketHeader.size
        at.storeBytes(of: UInt8(truncatingIfNeeded: quote.count), as: UInt8.self)
        at += 1
        if let start = quote.baseAddress { at.copyMemory(from: start, byteCount: quote.count) }
        at += quote.count
        for byte in reason.utf8 {
            at.storeBytes(of: byte, as: UInt8.self)
            at += 1
        }
    }
}
