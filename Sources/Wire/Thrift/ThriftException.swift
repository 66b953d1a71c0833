/// A `TApplicationException`: why a call did not come to its method, or what broke there.
///
/// | field | type   | meaning         |
/// |-------|--------|-----------------|
/// | 1     | string | message         |
/// | 2     | i32    | ``Kind``        |
public struct ThriftException: Error, Sendable, Hashable, CustomStringConvertible {
    /// Apache Thrift's numbers; others may come off a wire.
    public struct Kind: RawRepresentable, Sendable, Hashable {
        public var rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }

        /// Nothing more is known.
        public static let unknown = Kind(rawValue: 0)
        /// The server has no such method.
        public static let unknownMethod = Kind(rawValue: 1)
        /// Neither a call nor a oneway call.
        public static let invalidMessageType = Kind(rawValue: 2)
        /// The answer to another method.
        public static let wrongMethodName = Kind(rawValue: 3)
        /// The answer to another call.
        public static let badSequenceID = Kind(rawValue: 4)
        /// An answer without a result.
        public static let missingResult = Kind(rawValue: 5)
        /// The server failed; the message says how.
        public static let internalError = Kind(rawValue: 6)
        /// The message could not be read.
        public static let protocolError = Kind(rawValue: 7)
        /// A THeader transform that is not supported.
        public static let invalidTransform = Kind(rawValue: 8)
        /// A THeader protocol that is not supported.
        public static let invalidProtocol = Kind(rawValue: 9)
        /// A form of Thrift that is not supported.
        public static let unsupportedClientType = Kind(rawValue: 10)
    }

    /// What kind of failure it is.
    public var kind: Kind
    /// For people; ours begins with a ``Code``'s name and a colon.
    public var message: String
    /// It came over a wire and says that a call was not begun there: true of that call alone, and of none that was made on the way to it. No part of
    /// what two exceptions are compared by.
    package var isRefusalFromElsewhere = false

    /// An exception of that kind with that message.
    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public static func == (one: ThriftException, other: ThriftException) -> Bool { one.kind == other.kind && one.message == other.message }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        hasher.combine(message)
    }

    public var description: String { message.isEmpty ? "TApplicationException \(kind.rawValue)" : message }
}

extension ThriftException {
    /// How a code of the table stands on a Thrift wire: its name, a colon and the reason. Source: protocol section 5.
    public init(_ code: Code, _ reason: String) {
        let kind: Kind =
            switch code {
            case .noRoute: .unknownMethod
            case .badRequest: .protocolError
            default: .internalError
            }
        self.init(kind, "\(code.name): \(reason)")
    }

    /// The code that it stands for, where it was made of one; nil for all others.
    public var code: Code? {
        guard let colon = message.firstIndex(of: ":") else { return nil }
        let name = message[..<colon]
        return Code.allCases.first { $0.name == name && ThriftException($0, "").kind == kind }
    }
}
