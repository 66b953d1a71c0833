import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// One end of a captured stream. A Unix socket has neither address nor port: it is shown as loopback.
struct SegmentAddress {
    /// 4 or 16 bytes.
    let address: [UInt8]
    let port: UInt16

    /// - Parameter text: as links tell it: `10.0.0.1:7100`, `[::1]:7100`, `unix:/path`.
    init(_ text: String, fallbackPort: UInt16) {
        let colon = text.lastIndex(of: ":") ?? text.endIndex
        let host = text[..<colon].trimmingPrefix("[")
        let name = host.hasSuffix("]") ? String(host.dropLast()) : String(host)
        address = SegmentAddress.bytes(name, AF_INET, 4) ?? SegmentAddress.bytes(name, AF_INET6, 16) ?? [127, 0, 0, 1]
        port = UInt16(text[colon...].dropFirst()) ?? fallbackPort
    }

    private static func bytes(_ text: String, _ family: Int32, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}

/// The IP and TCP headers that a captured piece is shown with. Checksums of TCP are 0, as a capture on the sending machine has them.
struct Segment {
    /// Fits an IP packet with either header.
    static let maxPayload = 60_000

    let from: SegmentAddress
    let to: SegmentAddress
    let sequence: UInt32
    let acknowledged: UInt32

    private var isV6: Bool { from.address.count == 16 && to.address.count == 16 }
    var headerSize: Int { (isV6 ? 40 : 20) + 20 }

    func writeHeaders(to buffer: inout ByteBuffer, payload: Int) {
        if isV6 {
            buffer.writeInteger(0x6000_0000, as: UInt32.self)
            buffer.writeInteger(UInt16(20 + payload))
            buffer.writeBytes([6, 64] + from.address + to.address)
        } else {
            writeV4(to: &buffer, payload: payload)
        }
        buffer.writeInteger(from.port)
        buffer.writeInteger(to.port)
        buffer.writeInteger(sequence)
        buffer.writeInteger(acknowledged)
        buffer.writeBytes([0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0])
    }

    private func writeV4(to buffer: inout ByteBuffer, payload: Int) {
        let start = buffer.writerIndex
        buffer.writeBytes([0x45, 0])
        buffer.writeInteger(UInt16(40 + payload))
        buffer.writeBytes([0, 0, 0x40, 0, 64, 6, 0, 0])
        buffer.writeBytes(from.address.suffix(4))
        buffer.writeBytes(to.address.suffix(4))
        var sum: UInt32 = 0
        for word in 0..<10 { sum += UInt32(buffer.getInteger(at: start + word * 2, as: UInt16.self) ?? 0) }
        while sum > 0xFFFF { sum = sum >> 16 + sum & 0xFFFF }
        buffer.setInteger(~UInt16(sum), at: start + 10)
    }
}
