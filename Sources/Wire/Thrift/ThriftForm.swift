/// How messages are told apart on a Thrift connection.
public enum ThriftTransport: String, Sendable, Hashable, CaseIterable {
    /// A length in front of every message (`TFramedTransport`).
    case framed
    /// Nothing in front: a message ends where its structure does (`TBufferedTransport`).
    case unframed
    /// A frame with info headers and the number of its protocol (`THeaderTransport`).
    case header
}

/// How a message's values are written.
public enum ThriftProtocol: String, Sendable, Hashable, CaseIterable {
    /// `TBinaryProtocol`, which begins with a version since 2007.
    case binary
    /// `TBinaryProtocol` as it was before, and still is for those who do not write "strict".
    case binaryOld
    /// `TCompactProtocol`.
    case compact

    /// Strict and old differ in the envelope alone.
    package var encoding: ThriftEncoding { self == .compact ? .compact : .binary }
}

/// How the bytes behind a message's envelope are written.
package enum ThriftEncoding: Sendable, Hashable, CaseIterable {
    case binary, compact
}

/// Transport and protocol of a message. A connection keeps the form that it begins with; answers go out in the form of the question.
///
/// Source: protocol section 6.
public struct ThriftForm: Sendable, Hashable, CustomStringConvertible {
    /// How messages are delimited.
    public var transport: ThriftTransport
    /// How values are written.
    public var `protocol`: ThriftProtocol

    /// A form of these two choices.
    public init(_ transport: ThriftTransport, _ protocol: ThriftProtocol) {
        self.transport = transport
        self.protocol = `protocol`
    }

    public var description: String { "\(transport.rawValue) \(`protocol`.rawValue)" }
}

/// What a message is.
///
/// | value | name      |
/// |-------|-----------|
/// | 1     | call      |
/// | 2     | reply     |
/// | 3     | exception |
/// | 4     | oneway    |
package enum ThriftMessageType: UInt8, Sendable, CaseIterable {
    case call = 1
    case reply = 2
    /// A `TApplicationException`: the call did not come to the method, or the method broke.
    case exception = 3
    /// A call that nobody answers.
    case oneway = 4
}
