import Foundation
import NIOCore
import Testing
import Wire

/// The golden bytes of `vectors/packets.json`; `vectors/README.md` of the protocol tells their layout.
struct Vectors: Decodable {
    struct Wires: Decodable { var cases: [WireCase] }

    /// One packet in one setting of `wire`.
    struct WireCase: Decodable {
        struct Setting: Decodable { var byteOrder, length: String }
        var wire: Setting
        var hex: String
    }

    /// Bytes that are no packet, and what they must lead to.
    struct Malformed: Decodable {
        var name: String
        var hex, header: String?
        var wants: String
    }

    var packets: [GoldenPacket]
    var wires: Wires
    var malformed: [Malformed]

    static let all: Vectors = {
        guard let url = Bundle.module.url(forResource: "packets", withExtension: "json", subdirectory: "vectors") else {
            preconditionFailure("packets.json is not among the test's resources")
        }
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Vectors.self, from: Data(contentsOf: url))
        } catch {
            preconditionFailure("packets.json: \(error)")
        }
    }()

    /// The packets that are written out whole.
    static let whole = all.packets.filter { $0.hex != nil }
    /// Those of them that have a control body with fields of its own.
    static let control = whole.filter { $0.control != nil }
}

/// A number as JSON holds it: large ones are decimal or hexadecimal text, and a HELLO's token is text of its own.
struct Scalar: Decodable {
    var text: String

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(UInt64.self) {
            text = String(number)
        } else {
            text = try container.decode(String.self)
        }
    }

    var number: UInt64 {
        let parsed = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
        guard let parsed else { preconditionFailure("not a number: \(text)") }
        return parsed
    }
}

/// One packet: its bytes, and the fields that they must give.
struct GoldenPacket: Decodable, CustomTestStringConvertible {
    struct Fields: Decodable {
        var type, user, token, es, session: Scalar?
        var body, opaque, inner, reason, display, role: String?
        var flags, code: UInt16?
        var cluster, deadlineMs, heartbeatMs, maxFrame: UInt32?
        var node, hub: Scalar?
        var claims, ranges: [[UInt32]]?
        var lostHeader, lostBodyStart: String?
        var everything: Bool?
        var sessions: [UInt64]?
    }

    var name: String
    /// Absent in "largest", which has a rule for its body instead.
    var hex: String?
    var header, sha256: String?
    private var fields: Fields?

    private enum CodingKeys: CodingKey { case name, hex, header, sha256, fields }

    var testDescription: String { name }

    var bytes: ByteBuffer { ByteBuffer(hex: hex ?? "") }

    private var expected: Fields {
        guard let fields else { preconditionFailure("\(name) has no fields") }
        return fields
    }

    /// The control type that the name begins with; nil for application packets.
    var controlType: ControlType? {
        let word = name.prefix { $0.isUppercase || $0 == "_" }
        return expected.type == nil ? ControlType.allCases.first { $0.name == word } : nil
    }

    /// What the header must hold; a field that is not named is 0.
    var expectedHeader: PacketHeader {
        PacketHeader(
            length: bytes.readableBytes,
            type: controlType?.rawValue ?? UInt16(expected.type?.number ?? 0),
            user: expected.user?.number ?? 0,
            token: controlType == .hello ? 0 : UInt32(expected.token?.number ?? 0),
            es: UInt32(expected.es?.number ?? 0),
            session: expected.session?.number ?? 0)
    }

    /// The body of a packet that has no control body of its own: application types, PING and PONG.
    var expectedBody: ByteBuffer { ByteBuffer(hex: expected.body ?? expected.opaque ?? "") }

    /// The control body that the fields describe; nil for application types, PING and PONG.
    var control: (any ControlBody)? {
        switch controlType {
        case nil, .ping, .pong: nil
        case .hello:
            Hello(
                role: expected.role == "edge" ? .edge : .service, flags: Hello.Flags(rawValue: expected.flags ?? 0),
                cluster: expected.cluster ?? 0, node: expected.node?.number ?? 0, claims: claims(expected.claims),
                token: Array((expected.token?.text ?? "").utf8), name: expected.display ?? "")
        case .welcome:
            Welcome(
                hub: expected.hub?.number ?? 0, heartbeatMilliseconds: expected.heartbeatMs ?? 0, maxFrame: expected.maxFrame ?? 0,
                name: expected.display ?? "")
        case .reject: Reject(code: expected.code ?? 0, reason: expected.reason ?? "")
        case .kick: Kick(code: expected.code ?? 0, reason: expected.reason ?? "")
        case .drain: Drain(deadlineMilliseconds: expected.deadlineMs ?? 0)
        case .undelivered:
            Undelivered(
                code: expected.code ?? 0, lost: PacketHeader(bytes: ByteBuffer(hex: expected.lostHeader ?? ""), format: .standard),
                quote: ByteBuffer(hex: expected.lostBodyStart ?? "").bytes, reason: expected.reason ?? "")
        case .sessionClosed: SessionClosed(code: expected.code ?? 0)
        case .bind: Bind()
        case .multicast: Multicast(sessions: expected.sessions ?? [], inner: inner)
        case .peers: expected.everything == true ? Peers.everything : Peers.ranges(claims(expected.ranges))
        }
    }

    private var inner: Packet {
        let bytes = ByteBuffer(hex: expected.inner ?? "")
        var body = bytes
        body.moveReaderIndex(forwardBy: PacketHeader.size)
        return Packet(header: PacketHeader(bytes: bytes, format: .standard), body: body)
    }

    private func claims(_ pairs: [[UInt32]]?) -> [Claim] { (pairs ?? []).map { Claim($0[0], $0[1]) } }
}
