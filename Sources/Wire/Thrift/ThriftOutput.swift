import NIOCore

/// Writes values in either encoding at the end of a buffer.
struct ThriftOutput {
    var buffer: ByteBuffer
    let encoding: ThriftEncoding

    /// A field's type and id; a bool's value goes with them.
    mutating func field(_ type: ThriftType, id: Int16, after last: Int16, bool: Bool? = nil) {
        switch encoding {
        case .binary:
            buffer.writeInteger(type.rawValue)
            buffer.writeInteger(id)
            if let bool { buffer.writeInteger(bool ? 1 : 0, as: UInt8.self) }
        case .compact:
            let code: UInt8 = bool == false ? 2 : type.compact
            let step = Int(id) - Int(last)
            if (1...15).contains(step) {
                buffer.writeInteger(UInt8(step) << 4 | code)
            } else {
                buffer.writeInteger(code)
                varint(Varint.zigzag(Int64(id)))
            }
        }
    }

    mutating func stop() { buffer.writeInteger(0, as: UInt8.self) }

    /// A bool that is a container's element.
    mutating func bool(_ value: Bool) { buffer.writeInteger(value ? 1 : encoding == .compact ? 2 : 0, as: UInt8.self) }
    mutating func i8(_ value: UInt8) { buffer.writeInteger(value) }
    mutating func i16(_ value: Int16) { integer(value) }
    mutating func i32(_ value: Int32) { integer(value) }
    mutating func i64(_ value: Int64) { integer(value) }

    private mutating func integer(_ value: some FixedWidthInteger & SignedInteger) {
        if encoding == .compact { varint(Varint.zigzag(Int64(value))) } else { buffer.writeInteger(value) }
    }

    mutating func double(_ bits: UInt64) { buffer.writeInteger(bits, endianness: encoding == .compact ? .little : .big) }
    mutating func raw(_ bytes: UnsafeRawBufferPointer) { buffer.writeBytes(bytes) }

    mutating func binary(_ bytes: UnsafeRawBufferPointer) {
        size(bytes.count)
        buffer.writeBytes(bytes)
    }

    mutating func values(_ type: ThriftType?, count: Int) {
        switch encoding {
        case .binary:
            buffer.writeInteger(type?.rawValue ?? 0)
            size(count)
        case .compact:
            let code = type?.compact ?? 0
            buffer.writeInteger(UInt8(min(count, 15)) << 4 | code)
            if count >= 15 { size(count) }
        }
    }

    mutating func pairs(_ key: ThriftType?, _ value: ThriftType?, count: Int) {
        switch encoding {
        case .binary:
            buffer.writeInteger(key?.rawValue ?? 0)
            buffer.writeInteger(value?.rawValue ?? 0)
            size(count)
        case .compact:
            size(count)
            if count > 0 { buffer.writeInteger((key?.compact ?? 0) << 4 | (value?.compact ?? 0)) }
        }
    }

    private mutating func size(_ count: Int) {
        if encoding == .compact { varint(UInt64(count)) } else { buffer.writeInteger(Int32(truncatingIfNeeded: count)) }
    }

    private mutating func varint(_ bits: UInt64) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 10) { Varint.store(bits, to: $0.baseAddress!) }
    }
}
