public import NIOCore

/// Any value of the Thrift wire, for programs that answer or call methods whose structures they have no generated code for.
///
/// Strings and binaries are the same on the wire. Numbers, and the order of a set's or map's elements, are kept as they came.
public enum ThriftValue: Sendable, Hashable {
    /// True or false.
    case bool(Bool)
    /// An integer of 8 bits, which Thrift also calls byte.
    case i8(Int8)
    /// An integer of 16 bits.
    case i16(Int16)
    /// An integer of 32 bits; an enumeration's value is one.
    case i32(Int32)
    /// An integer of 64 bits.
    case i64(Int64)
    /// A floating-point number of 64 bits.
    case double(Double)
    /// Bytes, or a string's UTF-8.
    case binary(ByteBuffer)
    /// 16 bytes.
    case uuid(ByteBuffer)
    /// A structure, a union or an exception.
    case structure(ThriftStructure)
    /// A list.
    case list(ThriftElements)
    /// A set, in the order in which it came.
    case set(ThriftElements)
    /// A map, in the order in which it came.
    case map(ThriftPairs)

    /// A string.
    public static func text(_ text: String) -> ThriftValue { .binary(ByteBuffer(string: text)) }

    /// A string's or binary's bytes as text, what is not UTF-8 repaired; nil for any other type.
    public var text: String? { if case .binary(let bytes) = self { String(buffer: bytes) } else { nil } }

    /// What stands on the wire for its type.
    public var type: ThriftType {
        switch self {
        case .bool: .bool
        case .i8: .i8
        case .i16: .i16
        case .i32: .i32
        case .i64: .i64
        case .double: .double
        case .binary: .binary
        case .uuid: .uuid
        case .structure: .structure
        case .list: .list
        case .set: .set
        case .map: .map
        }
    }
}

/// The elements of a list or set. All are of one type; one of another is left out when it is written.
public struct ThriftElements: Sendable, Hashable {
    /// Nil for an empty one whose type is not known, which is written as `bool`.
    public var type: ThriftType?
    /// In the order of the wire.
    public var values: [ThriftValue]

    /// Elements of one type.
    public init(_ type: ThriftType?, _ values: [ThriftValue]) {
        self.type = type
        self.values = values
    }
}

/// The pairs of a map. All keys are of one type, and all values; a pair of others is left out when it is written.
public struct ThriftPairs: Sendable, Hashable {
    /// A key and its value.
    public struct Pair: Sendable, Hashable {
        /// The key.
        public var key: ThriftValue
        /// The key's value.
        public var value: ThriftValue

        /// A key and its value.
        public init(_ key: ThriftValue, _ value: ThriftValue) {
            self.key = key
            self.value = value
        }
    }

    /// The keys' type; nil for an empty map whose types are not known: compact does not write them.
    public var key: ThriftType?
    /// The values' type; nil like the keys'.
    public var value: ThriftType?
    /// In the order of the wire.
    public var pairs: [Pair]

    /// Pairs whose keys are of one type, and whose values are of one.
    public init(_ key: ThriftType?, _ value: ThriftType?, _ pairs: [Pair]) {
        self.key = key
        self.value = value
        self.pairs = pairs
    }
}

/// A structure's fields by their ids: a method's arguments, its result, or any structure within these.
///
/// ```swift
/// let arguments = try ThriftStructure(call.arguments, in: call.protocol)
/// let name = arguments[1]?.text ?? ""
/// return ThriftStructure([0: .text("hello \(name)")]).encoded(in: call.protocol)
/// ```
public struct ThriftStructure: Sendable, Hashable {
    /// Written in ascending order of their ids.
    public var fields: [Int16: ThriftValue]

    /// A structure of these fields.
    public init(_ fields: [Int16: ThriftValue] = [:]) { self.fields = fields }

    /// The field of that id; nil where it is absent.
    public subscript(id: Int16) -> ThriftValue? {
        get { fields[id] }
        set { fields[id] = newValue }
    }

    /// Reads the structure that `bytes` are. Of a field that comes twice, the last counts.
    /// - Throws: ``WireError`` with code 14 when they are none, hold more than one, or nest over 64 levels. Nothing is allocated for a length
    ///   that is only claimed (rule S15).
    public init(_ bytes: ByteBuffer, in protocol: ThriftProtocol) throws(WireError) {
        let count = bytes.readableBytes
        let result = bytes.withUnsafeReadableBytes { raw -> Result<(ThriftStructure, Int), WireError> in
            var input = ThriftInput(raw, body: 0..<count, encoding: `protocol`.encoding)
            do throws(WireError) {
                return .success((try input.structure(depth: 1), input.position))
            } catch {
                return .failure(error)
            }
        }
        let (structure, end) = try result.get()
        guard end == count else { throw .badValue("\(count - end) bytes behind its end") }
        self = structure
    }

    /// The structure's bytes.
    public func encoded(in protocol: ThriftProtocol) -> ByteBuffer {
        var output = ThriftOutput(buffer: ByteBuffer(), encoding: `protocol`.encoding)
        output.write(self)
        return output.buffer
    }
}
