import NIOCore
import TestSupport
import Testing
import Wire

/// UNDELIVERED tells a sender what became of a packet: its header, the start of its body, and why.
@Suite("UNDELIVERED")
struct UndeliveredTests {
    private static let lost = PacketHeader(length: 1_000, type: 100, user: 1001, token: 77, es: 3, session: 5)

    private func written(_ reason: String) throws -> String {
        let body = Undelivered(code: 1, lost: Self.lost, quote: [], reason: reason).encoded()
        #expect(body.readableBytes <= 31 + Undelivered.maxReason)
        return String(decoding: body.readableBytesView.dropFirst(31), as: UTF8.self)
    }

    @Test("S1: a reason of 200 bytes is whole, a longer one is cut at 200")
    func reasonLength() throws {
        let whole = String(repeating: "r", count: 200)
        #expect(try written("") == "")
        #expect(try written(whole) == whole)
        #expect(try written(whole + "x") == whole)
        #expect(try written(String(repeating: "long ", count: 10_000)).utf8.count == 200)
    }

    @Test("S1: cutting a reason never cuts a character", arguments: ["é", "€", "😀", "e\u{301}", "👩‍👩‍👧", "🇩🇪", "\r\n"])
    func reasonCharacters(_ character: String) throws {
        for lead in 0..<16 {
            let text = String(repeating: "r", count: lead) + String(repeating: character, count: 200)
            let cut = try written(text)
            let whole = (200 - lead) / character.utf8.count
            #expect(cut == String(repeating: "r", count: lead) + String(repeating: character, count: whole))
        }
    }

    @Test("S1: a character that is longer than the limit is left out whole")
    func endlessCharacter() throws {
        #expect(try written("a" + String(repeating: "\u{301}", count: 300)) == "")
        #expect(try written("bba" + String(repeating: "\u{301}", count: 300)) == "bb")
    }

    @Test("S1: at most 16 bytes of the body are quoted")
    func quote() throws {
        for count in [0, 1, 15, 16, 17, 300] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
            let quoted = Array(bytes.prefix(16))
            var message = Undelivered(code: 3, lost: Self.lost, quote: bytes, reason: "full")
            #expect(message.quote == quoted)
            message.quote = bytes
            let decoded = try Undelivered(body: message.encoded(), format: .standard)
            #expect(decoded.quote == quoted)
            #expect(decoded.reason == "full")
        }
    }

    @Test("a quote of more than 16 bytes is refused")
    func longQuote() throws {
        var body = Undelivered(code: 3, lost: Self.lost, quote: [UInt8](repeating: 1, count: 16), reason: "0123456789").encoded()
        #expect(try Undelivered(body: body, format: .standard).quote.count == 16)
        body.setInteger(UInt8(17), at: 30)
        #expect(throwing(.badRequest) { _ = try Undelivered(body: body, format: .standard) })
    }

    @Test("the lost header is in the link's format, the rest is big-endian in every format", arguments: WireFormat.all)
    func formats(_ format: WireFormat) throws {
        let message = Undelivered(code: 0x0102, lost: Self.lost, quote: [9, 8], reason: "why")
        let body = message.encoded(format)
        #expect(body.bytes == [1, 2] + Self.lost.encoded(format).bytes + [2, 9, 8] + Array("why".utf8))
        #expect(try Undelivered(body: body, format: format) == message)
    }

    @Test("a code that this version does not know is kept; text that is not UTF-8 is repaired")
    func foreign() throws {
        var body = Undelivered(code: 999, lost: Self.lost, quote: [], reason: "").encoded()
        body.writeBytes([0x6F, 0x6B, 0xFF])
        let decoded = try Undelivered(body: body, format: .standard)
        #expect(decoded.code == 999)
        #expect(decoded.reason == "ok\u{FFFD}")
    }

    @Test("S1: the frame that a relay writes in place has the same bytes as the value", arguments: WireFormat.all)
    func frame(_ format: WireFormat) {
        var random = Seeded(6)
        for reason in ["", "why", String(repeating: "r", count: 200), String(repeating: "r", count: 201), String(repeating: "é€😀", count: 40)] {
            for count in [0, 1, 16, 17, 500] {
                let lost = random.header(for: format)
                let body = random.bytes(count)
                let value = Undelivered(code: 3, lost: lost, quote: body, reason: reason)
                let packet = Packet(value, user: lost.user, token: lost.token, es: lost.es, session: lost.session, format: format)
                body.withUnsafeBytes { bytes in
                    let frame = UndeliveredFrame(code: 3, lost: lost, body: bytes, reason: reason)
                    #expect(frame.header == packet.header)
                    var written = ByteBuffer()
                    written.writeWithUnsafeMutableBytes(minimumWritableBytes: frame.header.length) { target in
                        frame.store(to: target.baseAddress!, format: format)
                        return frame.header.length
                    }
                    #expect(written == packet.encoded(format))
                }
            }
        }
    }
}
