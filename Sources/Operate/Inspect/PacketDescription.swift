import NIOCore
package import Wire

/// One packet as lines of `name  value`: the header's fields by their names in the protocol, then the body, decoded when it is a
/// control packet's.
package struct PacketDescription: Sendable {
    /// The lines, joined.
    package var text: String { lines.joined(separator: "\n") }
    /// Why a control body cannot be read; it is then shown as bytes.
    package internal(set) var fault: String?

    private var lines: [String] = []
    private let indent: String
    private let format: WireFormat

    package init(_ packet: Packet, format: WireFormat) { self.init(packet, format: format, indent: "  ") }

    private init(_ packet: Packet, format: WireFormat, indent: String) {
        self.indent = indent
        self.format = format
        add(packet.header)
        guard let control = ControlType(rawValue: packet.header.type) else {
            add("body", BodyText.lines(of: packet.body.readableBytesView))
            return
        }
        do throws(WireError) {
            try add(control, packet.body)
        } catch {
            fault = error.description
            add("body", BodyText.lines(of: packet.body.readableBytesView))
        }
    }

    // MARK: Lines

    mutating func add(_ name: String, _ value: String) {
        let gap = String(repeating: " ", count: max(1, 13 - name.count))
        lines.append(value.isEmpty ? "\(indent)\(name)" : "\(indent)\(name)\(gap)\(value)")
    }

    mutating func add(_ name: String, _ values: [String]) {
        for (index, value) in values.enumerated() { add(index == 0 ? name : "", value) }
    }

    private mutating func add(_ header: PacketHeader) {
        add("Pack_len", "\(header.length - (format.length == .body ? PacketHeader.size : 0))")
        add("Pack_type", PacketDescription.type(header.type))
        add("User_id", "\(header.user)")
        add("Token", "\(header.token)")
        add("Es_id", header.es == PacketHeader.everyEdge ? "\(header.es) (every edge)" : "\(header.es)")
        add("Session", PacketDescription.wide(header.session))
    }

    private static func type(_ type: UInt16) -> String {
        if let control = ControlType(rawValue: type) { return "\(hex(type)) \(control.name)" }
        return type >= PacketHeader.firstControlType ? "\(hex(type)) unknown control packet" : "\(type)"
    }

    private static func hex(_ value: UInt16) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return "0x" + String(repeating: "0", count: 4 - digits.count) + digits
    }

    /// Sessions and node ids are often made of parts; hex shows them.
    static func wide(_ value: UInt64) -> String {
        value < 1_000_000 ? "\(value)" : "\(value) (0x\(String(value, radix: 16)))"
    }

    static func code(_ raw: UInt16) -> String { Code(rawValue: raw).map { "\(raw) \($0.name)" } ?? "\(raw) (unknown)" }

    private static func claims(_ claims: [Claim]) -> String {
        claims.isEmpty ? "none" : claims.map { $0.lo == $0.hi ? "\($0.lo)" : "\($0.lo)-\($0.hi)" }.joined(separator: ", ")
    }

    // MARK: Control bodies

    mutating func add(_ type: ControlType, _ body: ByteBuffer) throws(WireError) {
        switch type {
        case .hello: add(try Hello(body: body, format: format))
        case .welcome: add(try Welcome(body: body, format: format))
        case .reject:
            let reject = try Reject(body: body, format: format)
            add(code: reject.code, reason: reject.reason)
        case .ping, .pong: add("opaque", BodyText.lines(of: body.readableBytesView))
        case .drain:
            let deadline = try Drain(body: body, format: format).deadlineMilliseconds
            add("deadline_ms", deadline == 0 ? "0 (the sender has stopped)" : "\(deadline)")
        case .undelivered: add(try Undelivered(body: body, format: format))
        case .sessionClosed: add("code", PacketDescription.code(try SessionClosed(body: body, format: format).code))
        case .kick:
            let kick = try Kick(body: body, format: format)
            add(code: kick.code, reason: kick.reason)
        case .bind: if body.readableBytes > 0 { add("body", BodyText.lines(of: body.readableBytesView)) }
        case .multicast: add(try Multicast(body: body, format: format))
        case .peers: add(try Peers(body: body, format: format))
        }
    }

    mutating func add(code: UInt16, reason: String) {
        add("code", PacketDescription.code(code))
        add("reason", BodyText.lines(of: reason.utf8))
    }

    private mutating func add(_ hello: Hello) {
        add("version", "\(hello.version)")
        add("role", Role(rawValue: hello.role).map { "\(hello.role) \($0)" } ?? "\(hello.role) (unknown)")
        var flags: [String] = []
        if hello.flags.contains(.sessionClosed) { flags.append("SESSION_CLOSED wanted") }
        if hello.flags.contains(.polite) { flags.append("polite") }
        add("flags", ([PacketDescription.hex(hello.flags.rawValue)] + flags).joined(separator: " "))
        add("cluster", "\(hello.cluster)")
        add("node", PacketDescription.wide(hello.node))
        add("window", "\(hello.window)")
        add("claims", PacketDescription.claims(hello.claims))
        add("token", BodyText.lines(of: hello.token))
        add("name", BodyText.lines(of: hello.name.utf8))
    }

    private mutating func add(_ welcome: Welcome) {
        add("version", "\(welcome.version)")
        add("flags", PacketDescription.hex(welcome.flags))
        add("hub", PacketDescription.wide(welcome.hub))
        add("heartbeat_ms", "\(welcome.heartbeatMilliseconds)")
        add("max_frame", "\(welcome.maxFrame)")
        add("name", BodyText.lines(of: welcome.name.utf8))
    }

    private mutating func add(_ undelivered: Undelivered) {
        add(code: undelivered.code, reason: undelivered.reason)
        add("lost packet", "")
        nest { $0.add(undelivered.lost) }
        nest { $0.add("body begins", BodyText.lines(of: undelivered.quote)) }
    }

    private mutating func add(_ multicast: Multicast) {
        let sessions = multicast.sessions.map { PacketDescription.wide($0) }.joined(separator: ", ")
        add("sessions", multicast.sessions.isEmpty ? "every bound session of the edge" : sessions)
        add("packet", "")
        lines += PacketDescription(multicast.inner, format: format, indent: indent + "  ").lines
    }

    private mutating func add(_ peers: Peers) {
        switch peers {
        case .everything: add("reachable", "everything")
        case .ranges(let ranges): add("reachable", PacketDescription.claims(ranges))
        }
    }

    /// Adds lines one level deeper.
    private mutating func nest(_ body: (inout PacketDescription) -> Void) {
        var inner = PacketDescription(indent: indent + "  ", format: format)
        body(&inner)
        lines += inner.lines
    }

    init(indent: String, format: WireFormat) {
        self.indent = indent
        self.format = format
    }
}
