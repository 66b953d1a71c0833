/// The types of values on the wire. Raw values are those of the binary protocol.
///
/// | type   | binary | compact | bytes, binary       | bytes, compact                 |
/// |--------|--------|---------|---------------------|--------------------------------|
/// | bool   | 2      | 1, 2    | 1                   | in the field's type; else 1    |
/// | i8     | 3      | 3       | 1                   | 1                              |
/// | double | 4      | 7       | 8, big-endian       | 8, little-endian               |
/// | i16    | 6      | 4       | 2                   | zigzag varint                  |
/// | i32    | 8      | 5       | 4                   | zigzag varint                  |
/// | i64    | 10     | 6       | 8                   | zigzag varint                  |
/// | binary | 11     | 8       | length i32, bytes   | length varint, bytes           |
/// | struct | 12     | 12      | fields, 0           | fields, 0                      |
/// | map    | 13     | 11      | types, count, pairs | count, types unless 0, pairs   |
/// | set    | 14     | 10      | type, count, values | count and type, values         |
/// | list   | 15     | 9       | type, count, values | count and type, values         |
/// | uuid   | 16     | 13      | 16                  | 16                             |
public enum ThriftType: UInt8, Sendable, CaseIterable {
    /// True or false.
    case bool = 2
    /// 8 bits, with sign; also called byte.
    case i8 = 3
    /// A floating-point number of 64 bits.
    case double = 4
    /// 16 bits, with sign.
    case i16 = 6
    /// 32 bits, with sign; enumerations too.
    case i32 = 8
    /// 64 bits, with sign.
    case i64 = 10
    /// Bytes; strings too.
    case binary = 11
    /// A structure, a union or an exception.
    case structure = 12
    /// Pairs of keys and values.
    case map = 13
    /// Values, each once.
    case set = 14
    /// Values in order.
    case list = 15
    /// 16 bytes.
    case uuid = 16

    /// The type that the compact protocol writes as `code` (its low four bits).
    init?(compact code: UInt8) {
        switch code & 0x0F {
        case 1, 2: self = .bool
        case 3: self = .i8
        case 4: self = .i16
        case 5: self = .i32
        case 6: self = .i64
        case 7: self = .double
        case 8: self = .binary
        case 9: self = .list
        case 10: self = .set
        case 11: self = .map
        case 12: self = .structure
        case 13: self = .uuid
        default: return nil
        }
    }

    /// The compact protocol's number; a bool's is that of `true`, which is also what element types say.
    var compact: UInt8 {
        switch self {
        case .bool: 1
        case .i8: 3
        case .i16: 4
        case .i32: 5
        case .i64: 6
        case .double: 7
        case .binary: 8
        case .list: 9
        case .set: 10
        case .map: 11
        case .structure: 12
        case .uuid: 13
        }
    }

    /// The size of every value of the type, or nil when it varies.
    func fixedSize(_ encoding: ThriftEncoding) -> Int? {
        switch (self, encoding) {
        case (.bool, _), (.i8, _): 1
        case (.double, _): 8
        case (.uuid, _): 16
        case (.i16, .binary): 2
        case (.i32, .binary): 4
        case (.i64, .binary): 8
        default: nil
        }
    }

    /// The least that a value of the type takes: what a container's count is checked against.
    func leastSize(_ encoding: ThriftEncoding) -> Int {
        if let size = fixedSize(encoding) { return size }
        guard encoding == .binary else { return 1 }
        return switch self {
        case .binary: 4
        case .map: 6
        case .set, .list: 5
        default: 1
        }
    }

    /// Levels that structures and containers may be nested, the arguments' own structure included.
    package static let maxDepth = 64
}
