/// Which form a connection speaks, told from at most its first 8 bytes, as soon as they decide.
///
/// | first bytes                                   | form                     |
/// |-----------------------------------------------|--------------------------|
/// | 80 01                                         | unframed, binary         |
/// | 82 and a byte whose low five bits are 1       | unframed, compact        |
/// | length, 80 01                                 | framed, binary           |
/// | length, 82 and a byte whose low five bits are 1 | framed, compact        |
/// | length, 0F FF                                 | THeader                  |
/// | length, 00 (a second length)                  | framed, old binary       |
/// | length, a letter of a name, or a type behind a name of no letters | unframed, old binary |
///
/// `length` is 1 to the frame limit. Source: protocol section 6.
package enum ThriftRecognition: Equatable {
    /// More bytes are needed.
    case undecided
    /// A THeader's protocol is told by each frame; the form says `binary` until then.
    case form(ThriftForm)
    /// None of them; the text says what it looks like.
    case unknown(String)

    /// The most bytes that are looked at.
    package static let most = 8

    /// - Parameter limit: the longest frame, in bytes.
    package static func of(_ bytes: UnsafeRawBufferPointer, limit: Int) -> ThriftRecognition {
        guard let first = bytes.first else { return .undecided }
        if first == 0x80 || first == 0x82 {
            guard bytes.count >= 2 else { return .undecided }
            return versioned(first, bytes[1]).map { .form(ThriftForm(.unframed, $0)) } ?? stranger(bytes)
        }
        // A length whose first byte alone is over the limit needs no second one.
        guard Int(first) << 24 <= limit else { return stranger(bytes) }
        guard bytes.count >= 4, let base = bytes.baseAddress else { return .undecided }
        let length = Int(UInt32(bigEndian: base.loadUnaligned(as: UInt32.self)))
        guard length <= limit else { return stranger(bytes) }
        guard bytes.count >= 5 else { return .undecided }
        switch bytes[4] {
        case 0x80, 0x82, 0x0F:
            guard bytes.count >= 6 else { return .undecided }
            if bytes[4] == 0x0F { return bytes[5] == 0xFF ? .form(ThriftForm(.header, .binary)) : stranger(bytes) }
            return versioned(bytes[4], bytes[5]).map { .form(ThriftForm(.framed, $0)) } ?? stranger(bytes)
        case 0:
            return length > 0 ? .form(ThriftForm(.framed, .binaryOld)) : stranger(bytes)
        case let letter:
            let isType = ThriftMessageType(rawValue: letter) != nil
            return (length == 0 ? isType : letter >= 0x20) ? .form(ThriftForm(.unframed, .binaryOld)) : stranger(bytes)
        }
    }

    /// The protocol whose messages begin with these two bytes.
    static func versioned(_ first: UInt8, _ second: UInt8) -> ThriftProtocol? {
        switch first {
        case 0x80: second == 0x01 ? .binary : nil
        case 0x82: second & 0x1F == 1 ? .compact : nil
        default: nil
        }
    }

    private static func stranger(_ bytes: UnsafeRawBufferPointer) -> ThriftRecognition {
        let start = bytes.prefix(most)
        if start.count >= 2, start[0] == 0x16, start[1] == 0x03 { return .unknown("a TLS hello; this port speaks plain Thrift") }
        let text = start.map { $0 >= 0x20 && $0 < 0x7F ? Character(UnicodeScalar($0)) : "." }
        let methods = ["GET ", "POST", "PUT ", "HEAD", "DELE", "OPTI", "PATC", "CONN", "PRI "]
        if methods.contains(String(text.prefix(4))) { return .unknown("an HTTP request; this port speaks Thrift") }
        let hex = start.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
        return .unknown("no Thrift message: it begins with \(hex)")
    }
}
