/// A number in groups of seven bits, the lowest first, each but the last with its eighth bit set: the compact protocol's integers,
/// and a THeader's. Signed values are zigzag numbers: 0, -1, 1, -2 become 0, 1, 2, 3.
struct Varint {
    var bits: UInt64
    /// The offset behind it.
    var end: Int

    enum Read {
        case value(Varint)
        case incomplete
        case tooLong
    }

    /// - Parameter most: bytes that it may take: 3 for 16 bits, 5 for 32, 10 for 64.
    static func read(_ bytes: UnsafeRawBufferPointer, at start: Int, most: Int) -> Read {
        var bits: UInt64 = 0
        for index in 0..<most {
            guard start + index < bytes.count else { return .incomplete }
            let byte = bytes[start + index]
            bits |= UInt64(byte & 0x7F) << UInt64(7 * index)
            if byte < 0x80 { return .value(Varint(bits: bits, end: start + index + 1)) }
        }
        return .tooLong
    }

    /// Bytes that `bits` take.
    static func size(_ bits: UInt64) -> Int { bits == 0 ? 1 : (UInt64.bitWidth - bits.leadingZeroBitCount + 6) / 7 }

    /// Writes `bits` and returns how many bytes that took; the caller has made sure of ``size(_:)``.
    @discardableResult
    static func store(_ bits: UInt64, to target: UnsafeMutableRawPointer) -> Int {
        var rest = bits
        var count = 0
        while rest >= 0x80 {
            target.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: count, as: UInt8.self)
            rest >>= 7
            count += 1
        }
        target.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: count, as: UInt8.self)
        return count + 1
    }

    static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: value << 1 ^ value >> 63) }
    static func signed(_ bits: UInt64) -> Int64 { Int64(bitPattern: bits >> 1) ^ -Int64(bitPattern: bits & 1) }
}
