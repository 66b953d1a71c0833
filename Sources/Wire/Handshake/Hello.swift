public import NIOCore

/// The first packet on a hub link: who dials, and what it serves (protocol section 4).
///
/// | size  | field           | meaning                                            |
/// |-------|-----------------|----------------------------------------------------|
/// | 1     | version u8      | 1                                                  |
/// | 1     | role u8         | 1 edge, 2 service, 3 caller, 4 agent               |
/// | 2     | flags u16       | bit 0: SESSION_CLOSED wanted, bit 1: polite        |
/// | 4     | cluster u32     |                                                    |
/// | 8     | node u64        | ES id, instance id or identify id                  |
/// | 4     | window u32      | agent: calls it takes at once                      |
/// | 2     | n u16           | number of claims, at most 2,048                    |
/// | n x 8 | lo u32, hi u32  | claims, inclusive                                  |
/// | 2 + m | token           | length and bytes                                   |
/// | 1 + k | name            | length and bytes                                   |
public struct Hello: ControlBody {
    public static let controlType = ControlType.hello

    /// Bits of `flags`; unknown ones are ignored.
    public struct Flags: OptionSet, Sendable, Hashable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// Send me SESSION_CLOSED (services).
        public static let sessionClosed = Flags(rawValue: 1)
        /// Never take over a live registration.
        public static let polite = Flags(rawValue: 2)
    }

    /// The version of the handshake: 1.
    public var version: UInt8
    /// The role's number; one that ``Role`` does not know is for the acceptor to refuse.
    public var role: UInt8
    /// What it asks for.
    public var flags: Flags
    /// Of an edge its cluster, never 0; of a service its cluster, or 0 for every cluster that has no service of its own for a type; else 0.
    public var cluster: UInt32
    /// Who it is: ES id, instance id or identify id, never 0.
    public var node: UInt64
    /// Of an agent: calls that it takes at once, 0 for 65,536.
    public var window: UInt32
    /// What it serves: packet types or RPC ids, at most 2,048 ranges.
    public var claims: [Claim]
    /// The join token; empty without one.
    public var token: [UInt8]
    /// What it is called on dashboards: at most 255 bytes.
    public var name: String

    /// A HELLO of version 1.
    public init(
        role: Role, flags: Flags = [], cluster: UInt32 = 0, node: UInt64, window: UInt32 = 0, claims: [Claim] = [], token: [UInt8] = [],
        name: String = ""
    ) {
        version = Handshake.version
        self.role = role.rawValue
        self.flags = flags
        self.cluster = cluster
        self.node = node
        self.window = window
        self.claims = claims
        self.token = token
        self.name = name
    }

    /// - Throws: code 15 for another version, code 14 for a body that does not parse to the end of its name.
    public init(body: ByteBuffer, format: WireFormat) throws(WireError) {
        guard body.readableBytes <= Handshake.maxHello else {
            throw WireError(.protocol, "HELLO of \(body.readableBytes) bytes; at most \(Handshake.maxHello)")
        }
        var body = body
        do throws(WireError) {
            version = try body.take("HELLO version")
            guard version == Handshake.version else {
                throw WireError(.unsupportedVersion, "HELLO version \(version); this side speaks \(Handshake.version)")
            }
            role = try body.take("HELLO role")
            flags = Flags(rawValue: try body.take("HELLO flags"))
            cluster = try body.take("HELLO cluster")
            node = try body.take("HELLO node")
            window = try body.take("HELLO window")
            let count: UInt16 = try body.take("HELLO claim count")
            guard count <= Handshake.maxClaims else {
                throw WireError(.protocol, "HELLO with \(count) claims; at most \(Handshake.maxClaims)")
            }
            guard body.readableBytes >= Int(count) * 8 else { throw .short("HELLO claims") }
            var claims: [Claim] = []
            claims.reserveCapacity(Int(count))
            for _ in 0..<count { claims.append(Claim(try body.take("HELLO claim"), try body.take("HELLO claim"))) }
            self.claims = claims
            let tokenCount: UInt16 = try body.take("HELLO token length")
            guard let token = body.readBytes(length: Int(tokenCount)) else { throw .short("HELLO token") }
            self.token = token
            let nameCount: UInt8 = try body.take("HELLO name length")
            name = try body.takeText(Int(nameCount), "HELLO name")
        } catch {
            throw error.code == .badRequest ? WireError(.protocol, error.description) : error
        }
    }

    public func write(to buffer: inout ByteBuffer, format: WireFormat) {
        buffer.writeMultipleIntegers(version, role, flags.rawValue, cluster, node, window, UInt16(claims.count))
        for claim in claims { buffer.writeMultipleIntegers(claim.lo, claim.hi) }
        buffer.writeInteger(UInt16(token.count))
        buffer.writeBytes(token)
        buffer.writeShortText(name)
    }
}

extension ByteBuffer {
    /// A length byte and at most 255 bytes of text.
    mutating func writeShortText(_ text: String) {
        let lengthIndex = writerIndex
        writeInteger(UInt8(0))
        writeText(text, limit: 255)
        setInteger(UInt8(writerIndex - lengthIndex - 1), at: lengthIndex)
    }
}
