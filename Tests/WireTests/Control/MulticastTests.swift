import NIOCore
import Testing
import Wire

/// MULTICAST: a list of sessions, and one inner packet that fills the rest exactly.
@Suite("MULTICAST")
struct MulticastTests {
    private static let inner = Packet(type: 150, user: 1, token: 2, es: 3, session: 4, body: ByteBuffer(string: "news"))

    @Test("there and back in each format; the view reads the same", arguments: WireFormat.all)
    func roundTrip(_ format: WireFormat) throws {
        for count in [0, 1, 2, 500] {
            let message = Multicast(sessions: (0..<count).map { UInt64($0) << 40 + 7 }, inner: Self.inner)
            let body = message.encoded(format)
            #expect(body.prefix(2) == ByteBuffer(integer: UInt16(count)))
            #expect(try Multicast(body: body, format: format) == message)
            try body.withUnsafeReadableBytes { bytes in
                let view = try MulticastView(body: bytes, format: format)
                #expect((0..<view.count).map { view.session($0) } == message.sessions)
                #expect(view.inner == Self.inner.header)
                #expect(Array(view.innerBody) == Array("news".utf8))
            }
        }
    }

    @Test("the inner packet fills the rest exactly: one byte more or less is refused", arguments: WireFormat.all)
    func exact(_ format: WireFormat) throws {
        for difference in [-4, -1, 1, 4] {
            var inner = Self.inner
            inner.header.length += difference
            let body = Multicast(sessions: [5], inner: inner).encoded(format)
            #expect(throwing(.badRequest) { _ = try Multicast(body: body, format: format) }, "length \(difference)")
        }
    }

    @Test("an inner packet without a body is one")
    func emptyInner() throws {
        let message = Multicast(sessions: [5, 6], inner: Packet(type: 0))
        #expect(try Multicast(body: message.encoded(), format: .standard) == message)
    }

    @Test("S15: a count of sessions that are not there is refused")
    func count() {
        for count: UInt16 in [2, 3, 100, 0xFFFF] {
            var body = Multicast(sessions: [5], inner: Self.inner).encoded()
            body.setInteger(count, at: 0)
            #expect(throwing(.badRequest) { _ = try Multicast(body: body, format: .standard) })
        }
    }

    @Test("only application types travel inside", arguments: [0xFEFF, 0xFF00, 0xFF0B, 0xFFFF] as [UInt16])
    func type(_ type: UInt16) throws {
        let body = Multicast(sessions: [5], inner: Packet(type: type)).encoded()
        if type < PacketHeader.firstControlType {
            #expect(try Multicast(body: body, format: .standard).inner.header.type == type)
        } else {
            #expect(throwing(.badRequest) { _ = try Multicast(body: body, format: .standard) })
        }
    }
}
