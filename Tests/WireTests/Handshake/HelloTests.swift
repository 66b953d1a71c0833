import NIOCore
import Testing
import Wire

/// HELLO is read before anything is known about the other side: every check comes from its bytes alone.
@Suite("HELLO")
struct HelloTests {
    private static func body(claims: Int = 0, declared: Int? = nil, token: Int = 0, name: Int = 0, extra: Int = 0) -> ByteBuffer {
        var body = ByteBuffer()
        body.writeMultipleIntegers(UInt8(1), UInt8(2), UInt16(0), UInt32(1), UInt64(9), UInt32(0), UInt16(declared ?? claims))
        for index in 0..<claims { body.writeMultipleIntegers(UInt32(index), UInt32(index)) }
        body.writeInteger(UInt16(token))
        body.writeRepeatingByte(0x74, count: token)
        body.writeInteger(UInt8(name))
        body.writeRepeatingByte(0x6E, count: name + extra)
        return body
    }

    private func refused(_ code: Code, _ body: ByteBuffer) -> Bool { throwing(code) { _ = try Hello(body: body, format: .standard) } }

    @Test("every field goes there and back")
    func roundTrip() throws {
        for role in Role.allCases {
            let hello = Hello(
                role: role, flags: [.sessionClosed, .polite], cluster: .max, node: .max, window: 7, claims: [Claim(0, .max), Claim(5, 5)],
                token: [0, 1, 255], name: "nøde")
            #expect(try Hello(body: hello.encoded(), format: .standard) == hello)
        }
        #expect(Role.allCases.map(\.rawValue) == [1, 2, 3, 4])
        #expect(Hello.Flags.sessionClosed.rawValue == 1)
        #expect(Hello.Flags.polite.rawValue == 2)
    }

    @Test("another version is refused with 15, whatever follows it")
    func version() {
        for version: UInt8 in [0, 2, 255] {
            var body = Self.body()
            body.setInteger(version, at: 0)
            for count in 1...body.readableBytes { #expect(refused(.unsupportedVersion, body.prefix(count))) }
        }
        #expect(refused(.protocol, ByteBuffer()))
    }

    @Test("S15: at most 2,048 claims, refused by their count alone")
    func claims() throws {
        #expect(try Hello(body: Self.body(claims: 2_048), format: .standard).claims.count == 2_048)
        #expect(refused(.protocol, Self.body(claims: 2_049)))
        #expect(refused(.protocol, Self.body(declared: 2_049)))
        #expect(refused(.protocol, Self.body(declared: 0xFFFF)))
        #expect(refused(.protocol, Self.body(claims: 1, declared: 2_048)))
    }

    @Test("S15: at most 32 KiB, with the bytes that a later version may add")
    func size() throws {
        let fixed = Self.body().readableBytes
        #expect(Handshake.maxHello == 32_768)
        #expect(try Hello(body: Self.body(token: 32_768 - fixed), format: .standard).token.count == 32_768 - fixed)
        #expect(refused(.protocol, Self.body(token: 32_769 - fixed)))
        #expect(refused(.protocol, Self.body(extra: 32_769 - fixed)))
        #expect(throws: Never.self) { try Hello(body: Self.body(extra: 32_768 - fixed), format: .standard) }
    }

    @Test("unknown flags and roles are kept for the acceptor to judge")
    func unknown() throws {
        var body = Self.body()
        body.setInteger(UInt8(200), at: 1)
        body.setInteger(UInt16(0xFFFE), at: 2)
        let hello = try Hello(body: body, format: .standard)
        #expect(hello.role == 200)
        #expect(hello.flags.contains(.polite))
        #expect(!hello.flags.contains(.sessionClosed))
    }

    @Test("a name over 255 bytes is cut between characters")
    func name() throws {
        let hello = Hello(role: .edge, cluster: 1, node: 1, name: String(repeating: "é", count: 200))
        #expect(try Hello(body: hello.encoded(), format: .standard).name == String(repeating: "é", count: 127))
    }
}
