import NIOCore
import Testing
import Wire

/// The golden bytes of every message, in both directions.
@Suite("Golden packets")
struct GoldenPacketTests {
    @Test("the file holds every message of the protocol")
    func complete() {
        let seen = Set(Vectors.whole.compactMap(\.controlType))
        #expect(seen == Set(ControlType.allCases))
        #expect(Vectors.whole.count == 20)
    }

    @Test("bytes give the fields", arguments: Vectors.whole)
    func decode(_ golden: GoldenPacket) throws {
        var buffer = golden.bytes
        let packet = try #require(try Packet(from: &buffer))
        #expect(buffer.readableBytes == 0)
        #expect(packet.header == golden.expectedHeader)
        guard let control = golden.control else {
            #expect(packet.body == golden.expectedBody)
            return
        }
        func check(_ expected: some ControlBody) throws {
            let decoded = try type(of: expected).init(body: packet.body, format: .standard)
            #expect(decoded == expected)
        }
        try check(control)
    }

    @Test("fields give the bytes", arguments: Vectors.whole)
    func encode(_ golden: GoldenPacket) {
        let header = golden.expectedHeader
        let packet =
            if let control = golden.control {
                Packet(control, user: header.user, token: header.token, es: header.es, session: header.session)
            } else {
                Packet(
                    type: header.type, user: header.user, token: header.token, es: header.es, session: header.session,
                    body: golden.expectedBody)
            }
        #expect(packet.encoded() == golden.bytes)
    }

    @Test("the largest packet, by its hash")
    func largest() throws {
        let golden = try #require(Vectors.all.packets.first { $0.name == "largest" })
        let body = ByteBuffer(bytes: (0..<PacketHeader.maxBody).map { UInt8($0 & 0xFF) })
        let packet = Packet(type: 0xFEFF, user: 1, token: 2, es: 3, session: 4, body: body)
        var bytes = packet.encoded()
        #expect(bytes.readableBytes == 0xFFFF)
        #expect(bytes.prefix(PacketHeader.size) == ByteBuffer(hex: try #require(golden.header)))
        #expect(SHA256.hex(bytes.bytes) == golden.sha256)
        #expect(try Packet(from: &bytes) == packet)
    }

    /// Without this the hash above would prove nothing.
    @Test("the test's own SHA-256 knows the standard's examples")
    func sha256() {
        #expect(SHA256.hex(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(SHA256.hex([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
        #expect(SHA256.hex(Array(long.utf8)) == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    }

    @Test("S15: malformed bytes lead to what the protocol says", arguments: Vectors.all.malformed.map(\.name))
    func malformed(_ name: String) throws {
        let entry = try #require(Vectors.all.malformed.first { $0.name == name })
        var buffer = ByteBuffer(hex: try #require(entry.hex ?? entry.header))
        switch name {
        case "length 27", "length 0":
            for count in 2...buffer.readableBytes {
                var start = buffer.prefix(count)
                #expect(throwing(.protocol) { _ = try Packet(from: &start) }, "after \(count) bytes")
            }
        case "HELLO of 33 KiB":
            // The acceptor refuses from these 28 bytes; the codec itself refuses a body of that size too.
            let header = PacketHeader(bytes: buffer, format: .standard)
            #expect(header.type == ControlType.hello.rawValue)
            #expect(header.bodyCount > Handshake.maxHello)
            #expect(throwing(.protocol) { _ = try Hello(body: ByteBuffer(repeating: 1, count: header.bodyCount), format: .standard) })
        case "an HTTP request":
            let before = buffer
            #expect(try Packet(from: &buffer) == nil)
            #expect(buffer == before)
            let length = buffer.withUnsafeReadableBytes { PacketHeader.length(at: $0.baseAddress!, format: .standard) }
            #expect(length == 18_245)
        default:
            Issue.record("a malformed message that no test knows: \(name) (\(entry.wants))")
        }
    }
}
