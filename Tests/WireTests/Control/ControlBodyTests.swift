import NIOCore
import TestSupport
import Testing
import Wire

/// What every control body's decoder promises, whatever the message.
@Suite("Control bodies")
struct ControlBodyTests {
    /// The code that a body gets which does not parse: in the handshake's first message the link is refused.
    private static func fault(_ control: any ControlBody) -> Code { control is Hello ? .protocol : .badRequest }

    /// How many bytes a body needs: all of it, but for a reason that runs to the end.
    private static func needed(_ control: any ControlBody, of count: Int) -> Int {
        switch control {
        case is Reject, is Kick: 2
        case let undelivered as Undelivered: count - undelivered.reason.utf8.count
        default: count
        }
    }

    @Test("S15: a body that ends early is refused after every byte", arguments: Vectors.control)
    func truncated(_ golden: GoldenPacket) throws {
        func check<Body: ControlBody>(_ expected: Body) throws {
            let body = expected.encoded()
            let needed = Self.needed(expected, of: body.readableBytes)
            for count in 0...body.readableBytes {
                let decode = { try Body(body: body.prefix(count), format: .standard) }
                if count < needed {
                    #expect(throwing(Self.fault(expected)) { _ = try decode() }, "\(count) of \(needed) bytes")
                } else {
                    #expect(throws: Never.self) { try decode() }
                }
            }
        }
        let control = try #require(golden.control)
        try check(control)
    }

    @Test("bytes after the last known field are ignored", arguments: Vectors.control)
    func trailing(_ golden: GoldenPacket) throws {
        func check<Body: ControlBody>(_ expected: Body) throws {
            var body = expected.encoded()
            body.writeBytes([0, 1, 2, 0xFF])
            switch expected {
            case is Reject, is Kick, is Undelivered: break  // their last field is a text to the end
            case is Multicast: #expect(throwing(.badRequest) { _ = try Body(body: body, format: .standard) })  // fills the rest exactly
            default: #expect(try Body(body: body, format: .standard) == expected)
            }
        }
        let control = try #require(golden.control)
        try check(control)
    }

    @Test("a body is read from the reader index, whatever the buffer held before", arguments: Vectors.control)
    func offset(_ golden: GoldenPacket) throws {
        func check<Body: ControlBody>(_ expected: Body) throws {
            var body = ByteBuffer(string: "read before")
            body.moveReaderIndex(to: body.writerIndex)
            expected.write(to: &body, format: .standard)
            #expect(try Body(body: body, format: .standard) == expected)
        }
        let control = try #require(golden.control)
        try check(control)
    }

    @Test("S15: random bytes never trap a decoder, and what it accepts can be written again", arguments: WireFormat.all)
    func randomBytes(_ format: WireFormat) {
        var random = Seeded(4)
        for _ in 0..<1_500 {
            var bytes = random.bytes(.random(in: 0...100, using: &random))
            // Small numbers where lengths and counts stand let more of them through to the later fields.
            for index in bytes.indices where Int.random(in: 0..<3, using: &random) == 0 { bytes[index] &= 3 }
            decodeAll(ByteBuffer(bytes: bytes), format)
        }
    }

    @Test("S15: golden bodies with bytes changed never trap a decoder", arguments: Vectors.control)
    func changedBytes(_ golden: GoldenPacket) throws {
        func bytes(_ control: some ControlBody) -> [UInt8] { control.encoded().bytes }
        let control = try #require(golden.control)
        let whole = bytes(control)
        var random = Seeded(5)
        for round in 0..<500 where !whole.isEmpty {
            var changed = whole
            for _ in 0...(round % 3) { changed[Int.random(in: changed.indices, using: &random)] = UInt8.random(in: 0...255, using: &random) }
            decodeAll(ByteBuffer(bytes: changed), .standard)
        }
    }

    private func decodeAll(_ body: ByteBuffer, _ format: WireFormat) {
        decode(Hello.self, body, format)
        decode(Welcome.self, body, format)
        decode(Reject.self, body, format)
        decode(Drain.self, body, format)
        decode(Undelivered.self, body, format)
        decode(SessionClosed.self, body, format)
        decode(Kick.self, body, format)
        decode(Bind.self, body, format)
        decode(Multicast.self, body, format)
        decode(Peers.self, body, format)
    }

    /// Accepted or refused with a proper code; accepted, it is written and read again without a further change.
    private func decode<Body: ControlBody>(_ type: Body.Type, _ body: ByteBuffer, _ format: WireFormat) {
        do {
            let once = try Body(body: body, format: format).encoded(format)
            let again = try Body(body: once, format: format).encoded(format)
            #expect(once == again)
        } catch {
            let allowed: [Code] = Body.self == Hello.self ? [.protocol, .unsupportedVersion] : [.badRequest]
            #expect(allowed.contains(error.code))
        }
    }
}
