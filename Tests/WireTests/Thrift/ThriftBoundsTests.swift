import NIOCore
import Testing
import Wire

/// What a hostile peer may claim, and what each claim leads to (rule S15).
@Suite("Thrift bounds")
struct ThriftBoundsTests {
    /// A call of `m` without arguments, up to where its structure's fields begin.
    private static let heads: [ThriftEncoding: String] = [.binary: "80010001000000016d00000001", .compact: "822101016d"]

    private func look(_ hex: String, limit: Int = frameLimit) -> Look {
        var reader = ThriftReader(limit: limit)
        return reader.look(ByteBuffer(hex: hex).bytes)
    }

    private func unframed(_ encoding: ThriftEncoding, _ body: String) -> Look {
        look((ThriftBoundsTests.heads[encoding] ?? "") + body)
    }

    @Test(
        "S15: a frame of no, negative or too large a length is refused from its first bytes",
        arguments: ["0000000080010001", "ffffffff80010001", "80000000", "7fffffff80010001", "00fa0001800100010000"])
    func frameLengths(_ hex: String) { #expect(look(hex).isMalformed) }

    @Test("S15: on a framed connection, too, a bad length is refused from four bytes", arguments: [ThriftTransport.framed, .header])
    func laterLengths(_ transport: ThriftTransport) {
        for length in ["00000000", "ffffffff", "7fffffff", "00fa0001"] {
            var reader = ThriftReader(form: ThriftForm(transport, .binary), limit: frameLimit)
            #expect(reader.look(ByteBuffer(hex: length).bytes).isMalformed, "\(length)")
        }
        var reader = ThriftReader(form: ThriftForm(transport, .binary), limit: frameLimit)
        #expect(reader.look(ByteBuffer(hex: "00fa0000").bytes) == .incomplete)
        var other = ThriftReader(form: ThriftForm(transport, .binary), limit: frameLimit)
        #expect(other.look(ByteBuffer(hex: "00fa0001").bytes) == .malformed(.tooLarge))
    }

    @Test("S15: names longer than their frame, of negative or of huge length are refused")
    func names() {
        #expect(look("0000000c80010001000000ff6d000000").isMalformed)
        #expect(look("0000000d80010001ffffffff6d00000001").isMalformed)
        #expect(look("800100017fffffff").isMalformed)
        #expect(look("80010001ffffffff").isMalformed)
        #expect(look("822101ffffffff0f").isMalformed)
        #expect(look("822101ffffffffffff").isMalformed)
        #expect(look("8221ffffffffffff").isMalformed)
    }

    @Test("S15: a message type that does not exist is refused", arguments: ["0000000d80010005000000016d0000000100", "8001000000000000", "82010100"])
    func types(_ hex: String) { #expect(look(hex).isMalformed) }

    @Test("S15: lengths and counts of values that cannot fit are refused at once, without a byte of the values")
    func claims() {
        for body in [
            "0b00017fffffff", "0b0001ffffffff", "0f00010a7fffffff", "0f0001020fffffff", "0e00010cffffffff", "0d00010808ffffffff",
            "0d000102027fffffff",
        ] {
            #expect(unframed(.binary, body).isMalformed, "\(body)")
        }
        for body in ["18ffffffff07", "18ffffffffff", "19f6ffffffff07", "1af1ffffffff07", "1bffffffff0711", "19f5ffffffff0f"] {
            #expect(unframed(.compact, body).isMalformed, "\(body)")
        }
        // In a frame, the frame's own end is the limit, for whoever walks it.
        let bytes = ByteBuffer(hex: "0f00010a000000030000").bytes
        var walker = ThriftWalker()
        walker.start(at: 0, encoding: .binary)
        let step = bytes.withUnsafeBytes { walker.advance($0, limit: $0.count) }
        guard case .malformed = step else {
            Issue.record("three i64 in two bytes: \(step)")
            return
        }
    }

    @Test("S15: fields, values and pairs of unknown types are refused")
    func unknownTypes() {
        for body in ["010001", "110001", "ff0001", "0f00010100000001", "0d00011102000000010000"] {
            #expect(unframed(.binary, body).isMalformed, "\(body)")
        }
        for body in ["1e", "1f", "191e", "1b011e00", "0effff"] { #expect(unframed(.compact, body).isMalformed, "\(body)") }
    }

    @Test("S15: numbers of too many bytes are refused")
    func varints() {
        #expect(unframed(.compact, "16ffffffffffffffffffff01").isMalformed)
        #expect(unframed(.compact, "03ffffff01").isMalformed)
    }

    @Test("S15: 64 levels are walked, 65 are refused", arguments: ThriftEncoding.allCases, [false, true])
    func nesting(_ encoding: ThriftEncoding, asLists: Bool) throws {
        func message(_ depth: Int) -> [UInt8] {
            // The arguments are the first level.
            let field = encoding == .binary ? (asLists ? "0f0001" : "0c0001") : (asLists ? "19" : "1c")
            let inner = encoding == .binary ? "0f00000001" : "19"
            let last = encoding == .binary ? "0800000000" : "05"
            let stops = String(repeating: "00", count: asLists ? 1 : depth)
            let middle =
                asLists ? field + String(repeating: inner, count: depth - 2) + last : String(repeating: field, count: depth - 1)
            return ByteBuffer(hex: (ThriftBoundsTests.heads[encoding] ?? "") + middle + stops).bytes
        }
        var reader = ThriftReader(limit: frameLimit)
        let deepest = message(64)
        guard case .message(let head) = reader.look(deepest) else {
            Issue.record("64 levels are refused")
            return
        }
        #expect(head.count == deepest.count)
        var other = ThriftReader(limit: frameLimit)
        let tooDeep = message(65)
        #expect(other.look(tooDeep).isMalformed)
        let start = head.body.lowerBound
        for (bytes, isFine) in [(deepest, true), (tooDeep, false)] {
            var body = ByteBuffer(bytes: [9])
            let result = Result {
                try bytes.withUnsafeBytes {
                    try ThriftConverter.convert(
                        $0, body: start..<bytes.count, from: encoding, to: encoding == .binary ? .compact : .binary, into: &body)
                }
            }
            #expect(((try? result.get()) != nil) == isFine)
            if !isFine { #expect(body.bytes == [9]) }
        }
    }

    @Test("S15: an unframed message may not be longer than the frame limit")
    func unframedLimit() {
        let body = "0b0001" + "00000040" + String(repeating: "61", count: 64) + "00"
        let message = (ThriftBoundsTests.heads[.binary] ?? "") + body
        let count = message.count / 2
        var fits = ThriftReader(form: ThriftForm(.unframed, .binary), limit: count)
        guard case .message = fits.look(ByteBuffer(hex: message).bytes) else {
            Issue.record("a message of the limit's size is refused")
            return
        }
        for limit in count - 70..<count {
            var reader = ThriftReader(form: ThriftForm(.unframed, .binary), limit: limit)
            #expect(reader.look(ByteBuffer(hex: message).bytes).isMalformed, "limit \(limit)")
        }
    }

    @Test("an unknown THeader protocol gives exception 9, a transform 8, each with the THeader's sequence id")
    func refusals() throws {
        let jsonFrame = "000000100fff0000000000070001" + "01000000" + "0000"
        guard case .refused(let byProtocol) = look(jsonFrame) else {
            Issue.record("protocol 1 is not refused")
            return
        }
        #expect(byProtocol.kind == .invalidProtocol)
        #expect(byProtocol.kind.rawValue == 9)
        #expect(byProtocol.sequence == 7)
        #expect(byProtocol.count == 20)
        guard case .refused(let byTransform) = look("000000100fff0000fffffffe0001" + "00010100" + "0000") else {
            Issue.record("a transform is not refused")
            return
        }
        #expect(byTransform.kind.rawValue == 8)
        #expect(byTransform.sequence == -2)
    }

    @Test("S15: THeaders that do not fit their frame are refused")
    func badHeaders() {
        for frame in [
            "000000060fff00000000", "0000000a0fff00000000000100ff",
            "0000000e0fff000000000001000100000101", "0000000a0fff0000000000010000", "000000100fff000000000001000100ffffffffff0000",
        ] {
            #expect(look(frame).isMalformed, "\(frame)")
        }
    }

    @Test(
        "S15: what is no Thrift is named",
        arguments: [
            ("474554202f20485454502f312e310d0a", "an HTTP request"), ("1603010200010001", "a TLS hello"), ("deadbeef00000000", "de ad be ef"),
            ("8002000100000000", "80 02"), ("000000100fff", nil), ("0000001099", "00 00 00 10 99"), ("00000000aa", "00 00 00 00 aa"),
        ])
    func strangers(_ hex: String, _ words: String?) {
        let found = ByteBuffer(hex: hex).withUnsafeReadableBytes { ThriftRecognition.of($0, limit: frameLimit) }
        guard let words else {
            #expect(found == .form(ThriftForm(.header, .binary)))
            return
        }
        guard case .unknown(let what) = found else {
            // Names may hold any byte over a space: these are taken for one, and fail when they are read.
            #expect(hex == "0000001099", "\(hex) is recognised")
            return
        }
        #expect(what.contains(words))
    }
}

extension Look {
    var isMalformed: Bool { if case .malformed = self { true } else { false } }
}
