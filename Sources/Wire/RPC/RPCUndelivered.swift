/// An UNDELIVERED frame that is written straight into a link's block: a flood of refused calls allocates nothing.
///
/// | offset | size | field                                         |
/// |--------|------|-----------------------------------------------|
/// | 0      | 32   | header with `code`, and the ids of the call   |
/// | 32     | 2    | `code` again                                  |
/// | 34     | n    | reason, UTF-8, at most 200 bytes              |
///
/// Source: protocol section 3. Its payload reads as a ``Reject``.
package struct RPCUndelivered {
    package let header: RPCHeader
    private let reason: Substring

    /// - Parameter reason: cut at 200 bytes, between characters.
    package init(code: UInt16, rpc: UInt32, identify: UInt64, call: UInt64, reason: String) {
        self.reason = reason.prefix(bytes: Undelivered.maxReason)
        header = RPCHeader(
            .undelivered, payloadCount: 2 + self.reason.utf8.count, code: code, rpc: rpc, identify: identify, call: call)
    }

    /// Writes the whole frame; the caller has made sure of `header.length` writable bytes.
    package func store(to bytes: UnsafeMutableRawPointer) {
        header.store(to: bytes)
        (bytes + RPCHeader.size).storeBytes(of: header.code.bigEndian, as: UInt16.self)
        var at = bytes + RPCHeader.size + 2
        for byte in reason.utf8 {
            at.storeBytes(of: byte, as: UInt8.self)
            at += 1
        }
    }
}
