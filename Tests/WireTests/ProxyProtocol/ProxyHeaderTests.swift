import NIOCore
import TestSupport
import Testing

@testable import Wire

@Suite("PROXY header")
struct ProxyHeaderTests {
    private func read(_ bytes: [UInt8]) -> ProxyHeader.Reading { bytes.withUnsafeBytes { ProxyHeader.read($0) } }
    private func read(_ text: String) -> ProxyHeader.Reading { read(Array(text.utf8)) }

    private func client(_ address: String, _ port: Int) throws -> ProxyHeader { .client(try SocketAddress(ipAddress: address, port: port)) }

    /// The fixed part of version 2, and what follows.
    private func v2(command: UInt8 = 0x21, kind: UInt8, length: Int? = nil, _ content: [UInt8]) -> [UInt8] {
        let length = length ?? content.count
        return ProxyHeaderV2.signature + [command, kind, UInt8(length >> 8), UInt8(length & 0xFF)] + content
    }

    private let ipv4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 1, 0xDC, 0x04, 0x01, 0xBB]
    private var ipv6: [UInt8] {
        [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [9] + [UInt8](repeating: 1, count: 16) + [0, 80, 1, 187]
    }
    /// A name, a no-op, and an empty value.
    private let tlvs: [UInt8] = [0x02, 0, 3, 97, 46, 98, 0x04, 0, 2, 0, 0, 0x05, 0, 0]

    /// Every whole header, with what it says.
    private func headers() throws -> [([UInt8], ProxyHeader)] {
        [
            (Array("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".utf8), try client("192.0.2.1", 56324)),
            (Array("PROXY TCP6 2001:db8::9 ::1 80 443\r\n".utf8), try client("2001:db8::9", 80)),
            (Array("PROXY UNKNOWN\r\n".utf8), .unknown),
            (Array("PROXY UNKNOWN ff::1 ff::2 what ever\r\n".utf8), .unknown),
            (v2(kind: 0x11, ipv4), try client("192.0.2.1", 56324)),
            (v2(kind: 0x11, ipv4 + tlvs), try client("192.0.2.1", 56324)),
            (v2(kind: 0x21, ipv6), try client("2001:db8::9", 80)),
            (v2(kind: 0x21, ipv6 + tlvs), try client("2001:db8::9", 80)),
            (v2(kind: 0x31, [UInt8](repeating: 7, count: 216)), .unknown),
            (v2(kind: 0x00, []), .unknown),
            (v2(command: 0x20, kind: 0x00, []), .unknown),
            (v2(command: 0x20, kind: 0x11, ipv4 + tlvs), .unknown),
        ]
    }

    @Test("Both versions are read, byte by byte as well as whole, and what follows stays")
    func whole() throws {
        for (bytes, header) in try headers() {
            for count in 0..<bytes.count { #expect(read(Array(bytes[..<count])) == .more, "\(count) of \(bytes)") }
            #expect(read(bytes) == .header(header, length: bytes.count))
            #expect(read(bytes + [0x16, 3, 1]) == .header(header, length: bytes.count))
        }
    }

    @Test(
        "S15: what is no header is told at the first byte that cannot be one",
        arguments: ["GET / HTTP/1.1\r\n", "PROXx", "\u{16}\u{3}\u{1}", "\r\n\r\n\u{0}\r\nQUIX", "\u{0}\u{1C}"])
    func stranger(text: String) {
        let bytes = Array(text.utf8)
        guard case .malformed = read(bytes) else {
            Issue.record("taken for a header: \(bytes)")
            return
        }
    }

    @Test(
        "A malformed line of version 1 is refused",
        arguments: [
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n", "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n", "PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
            "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 01 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 -1 443\r\n", "PROXY TCP4  192.0.2.1 198.51.100.1 1 443\r\n",
            "PROXY UDP4 192.0.2.1 198.51.100.1 1 443\r\n",
            "PROXY \r\n", "PROXY TCP4 192.0.2.256 198.51.100.1 1 443\r\n", "PROXY TCP4 192.0.2.1\u{0} 198.51.100.1 1 443\r\n",
        ])
    func malformedLine(line: String) {
        guard case .malformed = read(line) else {
            Issue.record("taken: \(line.debugDescription)")
            return
        }
    }

    @Test("S15: a line that does not end within 107 bytes is refused")
    func endless() {
        let line = "PROXY UNKNOWN " + String(repeating: "x", count: 91)
        #expect(read(line + "\r\n") == .header(.unknown, length: 107))
        guard case .malformed = read(line + "x\r\n") else {
            Issue.record("taken")
            return
        }
        #expect(read(line) == .more)
    }

    @Test("A malformed header of version 2 is refused")
    func malformedBinary() {
        let cases = [
            v2(command: 0x22, kind: 0x11, ipv4), v2(command: 0x11, kind: 0x11, ipv4), v2(kind: 0x12, ipv4), v2(kind: 0x41, ipv4),
            v2(kind: 0x11, Array(ipv4.dropLast())),
            v2(kind: 0x21, ipv4), v2(kind: 0x11, []), v2(kind: 0x11, ipv4 + [2]), v2(kind: 0x11, ipv4 + [2, 0, 4, 97, 98, 99]),
            v2(kind: 0x11, ipv4 + [2, 0xFF, 0xFF]),
            v2(kind: 0x31, [UInt8](repeating: 7, count: 215)), v2(kind: 0x11, length: 4081, []),
        ]
        for bytes in cases {
            guard case .malformed = read(bytes) else {
                Issue.record("taken: \(bytes)")
                continue
            }
        }
    }

    @Test("S15: a length over 4,096 bytes is refused before they come")
    func claims() {
        #expect(read(v2(kind: 0x11, length: 4080, ipv4)) == .more)
        #expect(read(v2(kind: 0x11, length: 4081, ipv4)) == .malformed("its PROXY header claims 4097 bytes; at most 4096 are read"))
    }

    @Test("Whatever the bytes, no read goes beyond them and none takes more than there is")
    func arbitrary() throws {
        var random = Seeded(7)
        let whole = try headers().map(\.0)
        for _ in 0..<20_000 {
            var bytes = whole.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
            if case .header(_, let length) = read(bytes) { #expect(length <= bytes.count) }
        }
    }
}
