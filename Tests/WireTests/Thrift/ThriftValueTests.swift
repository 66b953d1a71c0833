import NIOCore
import Testing
import Wire

/// Structures as values: what programs without generated code read and write.
@Suite struct ThriftValueTests {
    private static let everything = ThriftStructure([
        1: .bool(true), 2: .bool(false), 3: .i8(-7), 4: .i16(-300), 5: .i32(.min), 6: .i64(.max), 7: .double(-1e300), 8: .text("Grüße"),
        9: .uuid(ByteBuffer(bytes: 0..<16)), 40: .structure(ThriftStructure([-3: .i32(5)])),
        41: .list(ThriftElements(.bool, [.bool(true), .bool(false)])), 42: .set(ThriftElements(.i64, (0..<20).map { .i64($0) })),
        43: .map(ThriftPairs(.binary, .list, [.init(.text("key"), .list(ThriftElements(.i8, [.i8(1)])))])),
        44: .list(ThriftElements(.structure, [])),
    ])

    @Test("what is written is read again, in every protocol", arguments: ThriftProtocol.allCases)
    func again(form: ThriftProtocol) throws {
        let bytes = ThriftValueTests.everything.encoded(in: form)
        #expect(try ThriftStructure(bytes, in: form) == ThriftValueTests.everything)
    }

    @Test("every body of the golden messages is read, and written again byte for byte", arguments: GoldenThrift.all)
    func golden(_ golden: GoldenThrift) throws {
        let head = try wholeHead(of: golden.bytes)
        let body = ByteBuffer(bytes: golden.bytes[head.body])
        #expect(try ThriftStructure(body, in: golden.form.protocol).encoded(in: golden.form.protocol) == body)
    }

    @Test("S15: bytes that end early, claim too much, nest too deep or go on are refused", arguments: [ThriftProtocol.binary, .compact])
    func refused(form: ThriftProtocol) throws {
        let whole = ThriftValueTests.everything.encoded(in: form)
        for length in 0..<whole.readableBytes {
            let cut = try #require(whole.getSlice(at: whole.readerIndex, length: length))
            #expect(throws: WireError.self, "cut at \(length)") { try ThriftStructure(cut, in: form) }
        }
        var longer = whole
        longer.writeInteger(0, as: UInt8.self)
        #expect(throws: WireError.self) { try ThriftStructure(longer, in: form) }
        let claim: [UInt8] = form == .binary ? [15, 0, 1, 10, 0x7F, 0xFF, 0xFF, 0xFF] : [0x19, 0xF6, 0xFF, 0xFF, 0xFF, 0xFF, 0x07]
        #expect(throws: WireError.self) { try ThriftStructure(ByteBuffer(bytes: claim), in: form) }
        func nested(_ depth: Int) -> ThriftStructure {
            depth == 1 ? ThriftStructure() : ThriftStructure([1: .structure(nested(depth - 1))])
        }
        #expect(try ThriftStructure(nested(64).encoded(in: form), in: form) == nested(64))
        #expect(throws: WireError.tooDeep) { try ThriftStructure(nested(65).encoded(in: form), in: form) }
    }

    @Test("elements that do not fit their container, and a uuid of another size, shift nothing", arguments: ThriftProtocol.allCases)
    func misfits(form: ThriftProtocol) throws {
        let odd = ThriftStructure([
            1: .list(ThriftElements(.i32, [.i32(1), .text("no"), .i32(2)])), 2: .uuid(ByteBuffer(bytes: [1, 2])),
            3: .map(ThriftPairs(nil, nil, [.init(.i8(1), .i8(2)), .init(.i8(3), .bool(true))])), 4: .i32(9),
        ])
        let read = try ThriftStructure(odd.encoded(in: form), in: form)
        #expect(read[1] == .list(ThriftElements(.i32, [.i32(1), .i32(2)])))
        #expect(read[2] == .uuid(ByteBuffer(bytes: [1, 2] + [UInt8](repeating: 0, count: 14))))
        #expect(read[3] == .map(ThriftPairs(.i8, .i8, [.init(.i8(1), .i8(2))])))
        #expect(read[4] == .i32(9))
    }
}
