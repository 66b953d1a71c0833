import NIOCore
import Wire

/// Packets as the tests write and read them.
extension Packet {
    init(
        _ type: UInt16, _ text: String = "", user: UInt64 = 0, token: UInt32 = 0, es: UInt32 = 0, session: UInt64 = 0
    ) {
        self.init(type: type, user: user, token: token, es: es, session: session, body: ByteBuffer(string: text))
    }

    init(_ type: UInt16, bytes: [UInt8], user: UInt64 = 0, token: UInt32 = 0, es: UInt32 = 0, session: UInt64 = 0) {
        self.init(type: type, user: user, token: token, es: es, session: session, body: ByteBuffer(bytes: bytes))
    }

    /// A control packet with any bytes as its body.
    init(_ control: ControlType, bytes: [UInt8] = [], user: UInt64 = 0, token: UInt32 = 0, es: UInt32 = 0, session: UInt64 = 0) {
        self.init(control.rawValue, bytes: bytes, user: user, token: token, es: es, session: session)
    }

    /// A packet whose body begins with who sent it and its number, padded to `size` body bytes (at least 8).
    init(_ type: UInt16, from sender: Int, number: Int, size: Int = 8) {
        var body = ByteBuffer()
        body.writeMultipleIntegers(UInt32(sender), UInt32(number))
        body.writeRepeatingByte(UInt8(truncatingIfNeeded: number), count: max(0, size - 8))
        self.init(type: type, body: body)
    }

    var bytes: [UInt8] { Array(body.readableBytesView) }
    var text: String { String(buffer: body) }
    /// Whether the body is that text; unlike ``text``, this does not try to read random bytes as UTF-8, which costs much under test.
    func says(_ text: String) -> Bool { body.readableBytesView.elementsEqual(text.utf8) }
    var sender: Int { Int(body.getInteger(at: body.readerIndex, as: UInt32.self) ?? .max) }
    var number: Int { Int(body.getInteger(at: body.readerIndex + 4, as: UInt32.self) ?? .max) }
    var control: ControlType? { ControlType(rawValue: header.type) }

    func encoded(_ format: WireFormat = .standard) -> [UInt8] {
        var buffer = ByteBuffer()
        write(to: &buffer, format: format)
        return Array(buffer.readableBytesView)
    }

    /// The body as one control message.
    func read<Body: ControlBody>(_ kind: Body.Type, format: WireFormat = .standard) throws -> Body {
        guard header.type == kind.controlType.rawValue else { throw Unmet("expected \(kind.controlType.name), got \(summary)") }
        return try Body(body: body, format: format)
    }

    /// One line for failure messages.
    var summary: String {
        var line = "type \(control?.name ?? String(header.type)), user \(header.user), session \(header.session), \(bytes.count) bytes"
        if let notice = try? Undelivered(body: body, format: .standard), control == .undelivered { line += ", code \(Code.name(of: notice.code))" }
        if let notice = try? Reject(body: body, format: .standard), control == .reject { line += ", code \(Code.name(of: notice.code))" }
        return line
    }
}

/// Packets out of a byte stream.
struct PacketReader: Sendable {
    let format: WireFormat
    private var buffer = ByteBuffer()

    init(format: WireFormat = .standard) { self.format = format }

    mutating func append(_ bytes: [UInt8]) {
        buffer.discardReadBytes()
        buffer.writeBytes(bytes)
    }

    mutating func next() throws -> Packet? {
        guard var packet = try Packet(from: &buffer, format: format) else { return nil }
        // A copy: a slice would keep the whole buffer, and make every append copy it.
        packet.body = ByteBuffer(buffer: packet.body)
        return packet
    }

    /// Bytes of a packet that is not complete.
    var leftover: Int { buffer.readableBytes }
}
