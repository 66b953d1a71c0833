import NIOCore

/// Version 2: binary.
///
/// | offset | size | field     | meaning                                                                                       |
/// |--------|------|-----------|-----------------------------------------------------------------------------------------------|
/// | 0      | 12   | signature | `0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A`                                                         |
/// | 12     | 1    | command   | 0x20 LOCAL: the balancer itself; 0x21 PROXY: a client                                         |
/// | 13     | 1    | kind      | 0x00 unspecified, 0x11 TCP over IPv4, 0x21 TCP over IPv6, 0x31 Unix stream                    |
/// | 14     | 2    | length    | u16, of everything that follows                                                               |
/// | 16     | n    | addresses | source, target, source port, target port: 12 (IPv4), 36 (IPv6) or 216 (Unix) bytes            |
/// | 16 + n |      | TLVs      | each type u8, length u16, value, to the end; checked to fit, and not looked at                |
enum ProxyHeaderV2 {
    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    private static let fixed = 16

    static func read(_ bytes: UnsafeRawBufferPointer) -> ProxyHeader.Reading {
        guard ProxyHeader.agree(bytes, signature) else { return .malformed("it does not begin with a PROXY header") }
        guard bytes.count >= fixed else { return .more }
        let length = fixed + Int(bytes[14]) << 8 + Int(bytes[15])
        guard length <= ProxyHeader.maxLength else {
            return .malformed("its PROXY header claims \(length) bytes; at most \(ProxyHeader.maxLength) are read")
        }
        guard bytes.count >= length else { return .more }
        let content = UnsafeRawBufferPointer(rebasing: bytes[fixed..<length])
        switch bytes[12] {
        case 0x20:
            return .header(.unknown, length: length)
        case 0x21:
            guard let header = header(kind: bytes[13], content) else {
                return .malformed("its PROXY header (kind \(bytes[13])) does not hold what it claims")
            }
            return .header(header, length: length)
        default:
            return .malformed("its PROXY header has the unknown version and command \(bytes[12])")
        }
    }

    private static func header(kind: UInt8, _ content: UnsafeRawBufferPointer) -> ProxyHeader? {
        switch kind {
        case 0x00:
            return .unknown
        case 0x11:
            return client(content, width: 4)
        case 0x21:
            return client(content, width: 16)
        case 0x31:
            return tlvsFit(content, from: 216) ? .unknown : nil
        default:
            return nil
        }
    }

    /// Two addresses of `width` bytes, two ports, and TLVs.
    private static func client(_ content: UnsafeRawBufferPointer, width: Int) -> ProxyHeader? {
        guard tlvsFit(content, from: 2 * width + 4) else { return nil }
        let port = Int(content[2 * width]) << 8 | Int(content[2 * width + 1])
        let packed = ByteBuffer(bytes: content[..<width])
        return (try? SocketAddress(packedIPAddress: packed, port: port)).map { .client($0) }
    }

    private static func tlvsFit(_ content: UnsafeRawBufferPointer, from start: Int) -> Bool {
        var offset = start
        while offset < content.count {
            guard content.count - offset >= 3 else { return false }
            offset += 3 + Int(content[offset + 1]) << 8 + Int(content[offset + 2])
        }
        return offset == content.count
    }
}
