/// The frame of a THeader.
///
/// | offset | size | field                                                                      |
/// |--------|------|----------------------------------------------------------------------------|
/// | 0      | 4    | length of all that follows                                                 |
/// | 4      | 2    | 0F FF                                                                      |
/// | 6      | 2    | flags                                                                      |
/// | 8      | 4    | sequence id                                                                |
/// | 12     | 2    | length of the header in words of 4 bytes                                   |
/// | 14     | 1-5  | protocol, varint: 0 binary, 2 compact                                      |
/// |        | 1-5  | number of transforms, varint, and their ids                                |
/// |        | n    | info headers: 1, number of pairs, each a key and a value (varint length, bytes) |
/// |        | 0-3  | zeros up to a whole word                                                   |
/// |        | n    | the message                                                                |
package struct ThriftHeaderFrame: Equatable {
    package static let magic: UInt16 = 0x0FFF
    /// Bytes before the header's words.
    static let prefix = 14

    var sequence: Int32
    var encoding: ThriftEncoding
    var info: Range<Int>
    /// Where the message begins.
    var payload: Int

    enum Parse: Equatable {
        case frame(ThriftHeaderFrame)
        /// A frame that is in order and says what is not served here.
        case refused(ThriftRefusal)
        case malformed(WireError)
    }

    /// Reads the header of a frame of which `bytes` hold exactly all.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> Parse {
        guard bytes.count >= prefix else { return .malformed(.badHeader("a frame of \(bytes.count) bytes")) }
        guard bytes.word(at: 4) >> 16 == UInt32(magic) else { return .malformed(.badHeader("another magic number")) }
        let sequence = Int32(bitPattern: bytes.word(at: 8))
        let payload = prefix + Int(bytes[12]) << 10 + Int(bytes[13]) << 2
        guard payload <= bytes.count else { return .malformed(.badHeader("a header longer than the frame")) }
        let header = UnsafeRawBufferPointer(rebasing: bytes[..<payload])
        guard case .value(let number) = Varint.read(header, at: prefix, most: 5),
            case .value(let transforms) = Varint.read(header, at: number.end, most: 5)
        else { return .malformed(.badHeader("a header without protocol and transforms")) }
        let encoding: ThriftEncoding
        switch number.bits {
        case 0: encoding = .binary
        case 2: encoding = .compact
        default:
            let message = "protocol: THeader protocol \(number.bits) is not served; use binary (0) or compact (2)"
            return .refused(ThriftRefusal(sequence: sequence, kind: .invalidProtocol, message: message, count: bytes.count))
        }
        guard transforms.bits == 0 else {
            let message = "protocol: THeader transforms are not served; send without any"
            return .refused(ThriftRefusal(sequence: sequence, kind: .invalidTransform, message: message, count: bytes.count))
        }
        guard let end = infoEnd(header, from: transforms.end) else { return .malformed(.badHeader("info headers that do not fit")) }
        return .frame(ThriftHeaderFrame(sequence: sequence, encoding: encoding, info: transforms.end..<end, payload: payload))
    }

    /// Where the key-value headers end; what follows them is padding, or of a kind that is not known. Nil when they pass the header's end.
    private static func infoEnd(_ header: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var end = start
        while case .value(let kind) = Varint.read(header, at: end, most: 5), kind.bits == 1 {
            guard case .value(let pairs) = Varint.read(header, at: kind.end, most: 5), pairs.bits <= UInt64(header.count) else { return nil }
            end = pairs.end
            for _ in 0..<2 * Int(pairs.bits) {
                guard case .value(let length) = Varint.read(header, at: end, most: 5), length.bits <= UInt64(header.count - length.end)
                else { return nil }
                end = length.end + Int(length.bits)
            }
        }
        return end
    }
}

/// A THeader frame that cannot be served; it is answered and the connection stays.
package struct ThriftRefusal: Equatable {
    /// The THeader's: the message inside was not read.
    package var sequence: Int32
    package var kind: ThriftException.Kind
    package var message: String
    /// Bytes of the whole frame.
    package var count: Int
}

extension WireError {
    static func badHeader(_ what: String) -> WireError { WireError(.protocol, "not a THeader frame: \(what)") }
}
