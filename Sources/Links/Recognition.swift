/// What the first bytes of a stranger look like, so that the log can say it (rule S15).
package enum Recognition {
    private static let methods = ["GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ", "TRACE "]

    /// A name for bytes that are surely of another protocol; nil for anything that may still become a packet.
    package static func stranger(_ bytes: UnsafeRawBufferPointer) -> String? {
        if isHTTP(bytes) { return "an HTTP request" }
        if isTLS(bytes) { return "a TLS hello" }
        return nil
    }

    /// Whether these first bytes begin like another protocol's and are too few to be sure.
    package static func mayBeStranger(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count < 256, let first = bytes.first else { return false }
        if first == 0x16 { return bytes.count < 11 }
        let start = String(decoding: bytes.prefix(12), as: UTF8.self)
        return (methods + ["PRI * HTTP/2"]).contains { $0.hasPrefix(start) || start.hasPrefix($0) }
    }

    private static func isHTTP(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let start = String(decoding: bytes.prefix(256), as: UTF8.self)
        if start.hasPrefix("PRI * HTTP/2") { return true }
        guard methods.contains(where: start.hasPrefix) else { return false }
        return start.prefix(while: { !$0.isNewline }).contains(" HTTP/1.")
    }

    /// A handshake record that holds a ClientHello whose length fits the record's.
    private static func isTLS(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 11, bytes[0] == 0x16, bytes[1] == 3, bytes[2] <= 4, bytes[5] == 1, bytes[9] == 3 else { return false }
        let record = Int(bytes[3]) << 8 | Int(bytes[4])
        let hello = Int(bytes[6]) << 16 | Int(bytes[7]) << 8 | Int(bytes[8])
        return hello + 4 == record
    }
}
