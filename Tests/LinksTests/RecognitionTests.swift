import NIOCore
import TestSupport
import Testing
import Wire

@testable import Links

/// What the first bytes of a stranger look like.
@Suite("Recognition")
struct RecognitionTests {
    private func stranger(_ bytes: [UInt8]) -> String? { bytes.withUnsafeBytes(Recognition.stranger) }
    private func stranger(_ text: String) -> String? { stranger(Array(text.utf8)) }

    @Test("S15: an HTTP request of any method", arguments: ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"])
    func http(method: String) {
        #expect(stranger("\(method) / HTTP/1.1\r\nHost: example\r\n\r\n") == "an HTTP request")
        #expect(stranger("\(method) /a?b=c HTTP/1.0\r\n") == "an HTTP request")
        #expect(stranger("\(method) / HTTP/1.1\n") == "an HTTP request")
    }

    @Test("S15: the HTTP/2 preface")
    func http2() { #expect(stranger("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == "an HTTP request") }

    /// The first record of a real client (TLS 1.3, one cipher suite list, no extensions beyond the version), cut after the fields that decide.
    private static let clientHello: [UInt8] =
        [0x16, 0x03, 0x01, 0x00, 0x35, 0x01, 0x00, 0x00, 0x31, 0x03, 0x03] + (0..<32).map { UInt8($0 * 7 & 255) }
        + [0x00, 0x00, 0x02, 0x13, 0x01, 0x01, 0x00, 0x00, 0x06, 0x00, 0x2B, 0x00, 0x02, 0x03, 0x04]

    @Test("S15: a TLS hello, of every version that a client writes in front")
    func tls() {
        for minor in 0...4 as ClosedRange<UInt8> {
            var hello = RecognitionTests.clientHello
            hello[2] = minor
            #expect(stranger(hello) == "a TLS hello")
        }
        #expect(stranger(Array(RecognitionTests.clientHello.prefix(11))) == "a TLS hello")
    }

    @Test("S15: bytes that may still become a packet are not taken for a stranger")
    func undecided() {
        #expect(stranger([]) == nil)
        for count in 1...10 { #expect(stranger(Array(RecognitionTests.clientHello.prefix(count))) == nil) }
        for text in ["G", "GET", "GET / ", "GET / HTT", "GETTING / HTTP/1.1", " GET / HTTP/1.1", "GET /\r\n HTTP/1.1"] {
            #expect(stranger(text) == nil, "\(text)")
        }
    }

    @Test("S15: bytes that begin like another protocol's are looked at again as they come, others are not")
    func mayBecome() {
        func mayBe(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes(Recognition.mayBeStranger) }
        for text in ["G", "GET", "GET /long/path", "PRI * HT", "OPT"] { #expect(mayBe(Array(text.utf8)), "\(text)") }
        for count in 1...10 { #expect(mayBe(Array(RecognitionTests.clientHello.prefix(count)))) }
        #expect(!mayBe([]) && !mayBe([0]) && !mayBe([0, 28, 0, 3]) && !mayBe(Array("GOT".utf8)))
        #expect(!mayBe(Array("GET ".utf8) + [UInt8](repeating: 0x61, count: 3_000)))
    }

    @Test("S15: TLS records that are not a hello are not called one")
    func otherRecords() {
        for (offset, value) in [(0, 0x17), (1, 2), (2, 5), (4, 0x36), (5, 2), (8, 0x32), (9, 2)] as [(Int, UInt8)] {
            var bytes = RecognitionTests.clientHello
            bytes[offset] = value
            #expect(stranger(bytes) == nil, "offset \(offset)")
        }
    }

    @Test("S15: no legal packet is taken for a stranger", arguments: 1...4)
    func packets(seed: UInt64) {
        var random = Seeded(seed)
        for _ in 0..<500 {
            // Lengths and types that begin like a method or a record, and any others.
            let starts: [[UInt8]] = [Array("GET ".utf8), Array("POST".utf8), [0x16, 3, 1, 0], random.bytes(4)]
            let bytes = starts.randomElement(using: &random)! + random.bytes(Int.random(in: 24...300, using: &random))
            #expect(stranger(bytes) == nil)
        }
    }
}
