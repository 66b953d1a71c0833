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

        public static let unknown = Kind(rawValue: 0)
        public static let unknownMethod = Kind(rawValue: 1)
        public static let invalidMessageType = Kind(rawValue: 2)
        public static let wrongMethodName = Kind(rawValue: 3)
        public static let badSequenceID = Kind(rawValue: 4)
        public static let missingResult = Kind(rawValue: 5)
        public static let internalError = Kind(rawValue: 6)
        public static let protocolError = Kind(rawValue: 7)
        public static let invalidTransform = Kind(rawValue: 8)
        public static let invalidProtocol = Kind(rawValue: 9)
        public static let unsupportedClientType = Kind(rawValue: 10)
    }

    public var kind: Kind
    public var message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
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
}
