/// Reads the values of a body that is there whole, in either encoding. Throws where they end early or are of no known type.
struct ThriftInput: ~Copyable {
    let bytes: UnsafeRawBufferPointer
    let encoding: ThriftEncoding
    private(set) var position: Int
    private var walker = ThriftWalker()
    /// A bool of the compact protocol, read with its field's type.
    private var fieldBool: Bool?

    struct Field {
        var type: ThriftType
        var id: Int16
    }

    /// - Parameter body: what is read; nothing is read past its end.
    init(_ bytes: UnsafeRawBufferPointer, body: Range<Int>, encoding: ThriftEncoding) {
        self.bytes = UnsafeRawBufferPointer(rebasing: bytes[..<body.upperBound])
        self.encoding = encoding
        position = body.lowerBound
    }

    private mutating func take(_ count: Int) throws(WireError) -> Int {
        guard count <= bytes.count - position else { throw .endsEarly }
        defer { position += count }
        return position
    }

    private mutating func varint(_ most: Int) throws(WireError) -> UInt64 {
        switch Varint.read(bytes, at: position, most: most) {
        case .value(let number):
            position = number.end
            return number.bits
        case .incomplete: throw .endsEarly
        case .tooLong: throw .badValue("a number of over \(most) bytes")
        }
    }

    // MARK: - Structures

    /// The next field's type and id, nil at the structure's end. `last` is the id before it, 0 at the beginning.
    mutating func field(after last: Int16) throws(WireError) -> Field? {
        let byte = bytes[try take(1)]
        guard byte != 0 else { return nil }
        switch encoding {
        case .binary:
            guard let type = ThriftType(rawValue: byte) else { throw .badValue("a field of type \(byte)") }
            return Field(type: type, id: Int16(bigEndian: bytes.loadUnaligned(fromByteOffset: try take(2), as: Int16.self)))
        case .compact:
            guard let type = ThriftType(compact: byte) else { throw .badValue("a field of type \(byte & 0x0F)") }
            if type == .bool { fieldBool = byte & 0x0F == 1 }
            let id = byte >> 4 == 0 ? Int16(truncatingIfNeeded: Varint.signed(try varint(3))) : last &+ Int16(byte >> 4)
            return Field(type: type, id: id)
        }
    }

    /// Passes over a value whose type has been read.
    mutating func skip(_ type: ThriftType) throws(WireError) {
        if type == .bool, fieldBool.take() != nil { return }
        walker.start(value: type, at: position, encoding: encoding)
        switch walker.advance(bytes, limit: bytes.count) {
        case .end(let end): position = end
        case .incomplete: throw .endsEarly
        case .malformed(let error): throw error
        }
    }

    // MARK: - Values

    mutating func bool() throws(WireError) -> Bool {
        if let value = fieldBool.take() { return value }
        let byte = bytes[try take(1)]
        return encoding == .compact ? byte == 1 : byte != 0
    }

    mutating func i8() throws(WireError) -> UInt8 { bytes[try take(1)] }

    mutating func i16() throws(WireError) -> Int16 {
        encoding == .compact
            ? Int16(truncatingIfNeeded: Varint.signed(try varint(10)))
            : Int16(bigEndian: bytes.loadUnaligned(fromByteOffset: try take(2), as: Int16.self))
    }

    mutating func i32() throws(WireError) -> Int32 {
        encoding == .compact
            ? Int32(truncatingIfNeeded: Varint.signed(try varint(10)))
            : Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: try take(4), as: Int32.self))
    }

    mutating func i64() throws(WireError) -> Int64 {
        encoding == .compact
            ? Varint.signed(try varint(10))
            : Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: try take(8), as: Int64.self))
    }

    /// A double's bits.
    mutating func double() throws(WireError) -> UInt64 {
        let raw = bytes.loadUnaligned(fromByteOffset: try take(8), as: UInt64.self)
        return encoding == .compact ? UInt64(littleEndian: raw) : UInt64(bigEndian: raw)
    }

    mutating func uuid() throws(WireError) -> Range<Int> {
        let start = try take(16)
        return start..<start + 16
    }

    /// Where the bytes of a binary or a string stand.
    mutating func binary() throws(WireError) -> Range<Int> {
        let count = try size()
        let start = try take(count)
        return start..<start + count
    }

    // MARK: - Containers

    /// Type and count of a list's or set's values; the type of an empty one may be unknown.
    mutating func values() throws(WireError) -> (type: ThriftType?, count: Int) {
        let byte = bytes[try take(1)]
        let count = encoding == .compact && byte >> 4 < 15 ? Int(byte >> 4) : try size()
        let type = element(byte)
        try check(count, least: type?.leastSize(encoding))
        return (type, count)
    }

    /// Types and count of a map's pairs; the types of an empty one may be unknown.
    mutating func pairs() throws(WireError) -> (key: ThriftType?, value: ThriftType?, count: Int) {
        let (key, value, count): (ThriftType?, ThriftType?, Int)
        switch encoding {
        case .binary:
            let types = try take(2)
            count = try size()
            (key, value) = (element(bytes[types]), element(bytes[types + 1]))
        case .compact:
            count = try size()
            guard count > 0 else { return (nil, nil, 0) }
            let types = bytes[try take(1)]
            (key, value) = (element(types >> 4), element(types & 0x0F))
        }
        var least: Int?
        if let key, let value { least = key.leastSize(encoding) + value.leastSize(encoding) }
        try check(count, least: least)
        return (key, value, count)
    }

    private func element(_ code: UInt8) -> ThriftType? { encoding == .binary ? ThriftType(rawValue: code) : ThriftType(compact: code) }

    private func check(_ count: Int, least: Int?) throws(WireError) {
        guard count > 0 else { return }
        guard let least else { throw .badValue("values of an unknown type") }
        guard count * least <= bytes.count - position else { throw .badValue("\(count) values where \(bytes.count - position) bytes remain") }
    }

    private mutating func size() throws(WireError) -> Int {
        switch encoding {
        case .binary:
            let count = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: try take(4), as: Int32.self))
            guard count >= 0 else { throw .badValue("a length of \(count)") }
            return Int(count)
        case .compact:
            let bits = try varint(5)
            guard bits <= UInt64(Int32.max) else { throw .badValue("a length of \(bits)") }
            return Int(bits)
        }
    }
}

extension WireError {
    static var endsEarly: WireError { WireError(.protocol, "a Thrift structure that ends early") }
    /// A body that is walked is walked to that depth (protocol section 6); who sends a deeper one is not served on.
    package static let tooDeep = WireError(.protocol, "a Thrift structure with more than \(ThriftType.maxDepth) levels")
    static func badValue(_ what: String) -> WireError { WireError(.protocol, "a Thrift structure with \(what)") }
}
