public import NIOCore

/// Refuses a link; the last thing its sender says before it closes (protocol section 2).
///
/// | offset | size | field         |
/// |--------|------|---------------|
/// | 0      | 2    | `code`        |
/// | 2      | n    | reason, UTF-8 |
public struct Reject: ControlBody {
    public static let controlType = ControlType.reject
    /// Why, as a ``Code``'s raw value.
    public var code: UInt16
    /// Why, in words: at most 1,024 bytes.
    public var reason: String

    /// A refusal in these words.
    public init(code: UInt16, reason: String) {
        self.code = code
        self.reason = reason
    }

    /// A refusal that tells no more than the code's name.
    public init(_ code: Code) { self.init(code: code.rawValue, reason: code.name) }

    public init(body: ByteBuffer, format: WireFormat) throws(WireError) {
        var body = body
        code = try body.take("REJECT code")
        reason = try body.takeText(body.readableBytes, "REJECT reason")
    }

    public func write(to buffer: inout ByteBuffer, format: WireFormat) {
        buffer.writeInteger(code)
        buffer.writeText(reason, limit: 1024)
    }
}

/// Closes a session from the service's side (protocol section 2). Same body as ``Reject``.
///
/// | offset | size | field         |
/// |--------|------|---------------|
/// | 0      | 2    | `code`        |
/// | 2      | n    | reason, UTF-8 |
public struct Kick: ControlBody {
    public static let controlType = ControlType.kick
    /// Why, as a ``Code``'s raw value; the client's REJECT has it.
    public var code: UInt16
    /// Why, in words for the client: at most 1,024 bytes.
    public var reason: String

    /// A kick in these words.
    public init(code: UInt16, reason: String) {
        self.code = code
        self.reason = reason
    }

    public init(body: ByteBuffer, format: WireFormat) throws(WireError) {
        var body = body
        code = try body.take("KICK code")
        reason = try body.takeText(body.readableBytes, "KICK reason")
    }

    public func write(to buffer: inout ByteBuffer, format: WireFormat) {
        buffer.writeInteger(code)
        buffer.writeText(reason, limit: 1024)
    }
}

/// A client connection is gone; the header names it (protocol section 2, rule S12).
///
/// | offset | size | field  |
/// |--------|------|--------|
/// | 0      | 2    | `code` |
public struct SessionClosed: ControlBody {
    public static let controlType = ControlType.sessionClosed
    /// Why, as a ``Code``'s raw value; 8 when the client left by itself.
    public var code: UInt16

    /// The end of a session for the reason with that raw value.
    public init(code: UInt16) { self.code = code }
    /// The end of a session for that reason.
    public init(_ code: Code) { self.code = code.rawValue }

    public init(body: ByteBuffer, format: WireFormat) throws(WireError) {
        var body = body
        code = try body.take("SESSION_CLOSED code")
    }

    public func write(to buffer: inout ByteBuffer, format: WireFormat) { buffer.writeInteger(code) }
}

/// The sender is leaving, or (0) has stopped (protocol section 2, rule S25).
///
/// | offset | size | field         |
/// |--------|------|---------------|
/// | 0      | 4    | `deadline_ms` |
public struct Drain: ControlBody {
    public static let controlType = ControlType.drain
    /// How long the sender will stay, in milliseconds; 0 is the answer: it has stopped.
    public var deadlineMilliseconds: UInt32

    /// A DRAIN that leaves that much time, or (0) the answer to one.
    public init(deadlineMilliseconds: UInt32) { self.deadlineMilliseconds = deadlineMilliseconds }

    public init(body: ByteBuffer, format: WireFormat) throws(WireError) {
        var body = body
        deadlineMilliseconds = try body.take("DRAIN deadline")
    }

    public func write(to buffer: inout ByteBuffer, format: WireFormat) { buffer.writeInteger(deadlineMilliseconds) }
}

/// From here on the session in the header is the user in the header (protocol section 2, rule S9). The body is empty.
public struct Bind: ControlBody {
    public static let controlType = ControlType.bind
    /// A BIND; the header says who.
    public init() {}
    public init(body: ByteBuffer, format: WireFormat) {}
    public func write(to buffer: inout ByteBuffer, format: WireFormat) {}
}

/// What PING and PONG carry, echoed as received.
///
/// | offset | size   | field        |
/// |--------|--------|--------------|
/// | 0      | 0 - 64 | opaque bytes |
public enum Ping {
    /// The most opaque bytes of a PING; one with more is answered UNDELIVERED 9.
    public static let maxBody = 64
}
