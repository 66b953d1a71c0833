import NIOCore
import Testing
import Wire

/// The short messages: REJECT, KICK, SESSION_CLOSED, DRAIN, BIND.
@Suite("Notices")
struct NoticesTests {
    @Test("a refusal without more to say has the code's name as its reason", arguments: Code.allCases)
    func refusal(_ code: Code) throws {
        #expect(Reject(code) == Reject(code: code.rawValue, reason: code.name))
        #expect(try Reject(body: Reject(code).encoded(), format: .standard).reason == code.name)
    }

    @Test("reasons of REJECT and KICK are UTF-8 to the end, and repaired when they are not")
    func reasons() throws {
        let body = ByteBuffer(bytes: [0, 13] + Array("gone é".utf8) + [0xC3])
        #expect(try Kick(body: body, format: .standard) == Kick(code: 13, reason: "gone é\u{FFFD}"))
        #expect(try Reject(body: body, format: .standard) == Reject(code: 13, reason: "gone é\u{FFFD}"))
        #expect(try Kick(body: ByteBuffer(bytes: [0xFF, 0xFF]), format: .standard) == Kick(code: 0xFFFF, reason: ""))
    }

    @Test("a reason that could not fit a packet is cut between characters")
    func longReasons() throws {
        let long = String(repeating: "€", count: 100_000)
        #expect(Reject(code: 1, reason: long).encoded().readableBytes == 2 + 1_023)
        #expect(Kick(code: 1, reason: long).encoded().readableBytes == 2 + 1_023)
    }

    @Test("S12: SESSION_CLOSED carries its code, known or not", arguments: [0, 8, 18, 999] as [UInt16])
    func sessionClosed(_ code: UInt16) throws {
        #expect(try SessionClosed(body: ByteBuffer(integer: code), format: .standard).code == code)
        #expect(SessionClosed(.cancelled).encoded() == ByteBuffer(bytes: [0, 8]))
    }

    @Test("S25: DRAIN carries its deadline; 0 is the answer", arguments: [0, 1, 30_000, .max] as [UInt32])
    func drain(_ deadline: UInt32) throws {
        let body = Drain(deadlineMilliseconds: deadline).encoded()
        #expect(body == ByteBuffer(integer: deadline))
        #expect(try Drain(body: body, format: .standard).deadlineMilliseconds == deadline)
    }

    @Test("S9: BIND is all header")
    func bind() throws {
        #expect(Bind().encoded().readableBytes == 0)
        let packet = Packet(Bind(), user: 1001, token: 77, es: 3, session: 5)
        #expect(packet.header == PacketHeader(length: 28, type: 0xFF0A, user: 1001, token: 77, es: 3, session: 5))
        #expect(Bind(body: ByteBuffer(string: "of a later version"), format: .standard) == Bind())
    }
}
