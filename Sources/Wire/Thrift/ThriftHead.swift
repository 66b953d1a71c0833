/// What stands in front of a message's body, and where: all that a relay looks at. Offsets count from the message's first byte.
///
/// Binary, strict (old: length of the name, name, type u8, sequence id):
///
/// | offset | size | field                           |
/// |--------|------|---------------------------------|
/// | 0      | 4    | frame length, framed alone      |
/// | 0      | 2    | 80 01                           |
/// | 2      | 1    | 0                               |
/// | 3      | 1    | ``ThriftMessageType``           |
/// | 4      | 4    | length of the name              |
/// | 8      | n    | name                            |
/// | 8 + n  | 4    | sequence id                     |
///
/// Compact:
///
/// | offset | size  | field                            |
/// |--------|-------|----------------------------------|
/// | 0      | 4     | frame length, framed alone       |
/// | 0      | 1     | 82                               |
/// | 1      | 1     | type in three bits, version 1    |
/// | 2      | 1-5   | sequence id, varint              |
/// |        | 1-5   | length of the name, varint       |
/// |        | n     | name                             |
///
/// In a THeader either of them stands behind the header (``ThriftHeaderFrame``), without a frame length of its own.
package struct ThriftHead: Equatable {
    /// The form of this message; its `protocol` may be the other of the two binary ones than the connection began with.
    package var form: ThriftForm
    package var type: ThriftMessageType
    package var sequence: Int32
    /// Where the method's name stands, `service:` in front of it included when the caller multiplexes.
    package var name: Range<Int>
    /// Where the body stands: one structure, and whatever a frame holds behind it.
    package var body: Range<Int>
    /// A THeader's info headers as they stand, else empty.
    package var info: Range<Int> = 0..<0

    /// Bytes of the whole message, framing included.
    package var count: Int { body.upperBound }

    @inlinable
    package init(
        form: ThriftForm, type: ThriftMessageType, sequence: Int32, name: Range<Int>, body: Range<Int>, info: Range<Int> = 0..<0
    ) {
        self.form = form
        self.type = type
        self.sequence = sequence
        self.name = name
        self.body = body
        self.info = info
    }
}

/// How an envelope read.
enum ThriftEnvelopeParse {
    /// `end` is where the body begins.
    case envelope(ThriftProtocol, ThriftMessageType, sequence: Int32, name: Range<Int>, end: Int)
    /// That many bytes of the message are needed to say more.
    case incomplete(needed: Int)
    case malformed(WireError)
}

extension ThriftEnvelopeParse {
    /// Reads the envelope that begins at `start`.
    /// - Parameters:
    ///   - encoding: what the connection, or the THeader, says that it is.
    ///   - end: the offset that no part of the message may pass.
    static func of(_ bytes: UnsafeRawBufferPointer, from start: Int, end: Int, encoding: ThriftEncoding) -> ThriftEnvelopeParse {
        switch encoding {
        case .binary: binary(bytes, from: start, end: end)
        case .compact: compact(bytes, from: start, end: end)
        }
    }

    private static func binary(_ bytes: UnsafeRawBufferPointer, from start: Int, end: Int) -> ThriftEnvelopeParse {
        guard bytes.count >= start + 4 else { return .incomplete(needed: start + 4) }
        let first = bytes.word(at: start)
        let isOld = first & 0x8000_0000 == 0
        if !isOld {
            guard first >> 16 == 0x8001 else { return .malformed(.badEnvelope("version \(String(first >> 16, radix: 16))")) }
            let rawType = UInt8(truncatingIfNeeded: first)
            guard ThriftMessageType(rawValue: rawType) != nil else { return .malformed(.badEnvelope("type \(rawType)")) }
            guard bytes.count >= start + 8 else { return .incomplete(needed: start + 8) }
        }
        let nameStart = isOld ? start + 4 : start + 8
        let length = Int(Int32(bitPattern: bytes.word(at: nameStart - 4)))
        let tail = isOld ? 5 : 4
        guard length >= 0, length <= end - nameStart - tail else { return .malformed(.badEnvelope("a name of \(length) bytes")) }
        let name = nameStart..<nameStart + length
        guard bytes.count >= name.upperBound + tail else { return .incomplete(needed: name.upperBound + tail) }
        let rawType = isOld ? bytes[name.upperBound] : UInt8(truncatingIfNeeded: first)
        guard let type = ThriftMessageType(rawValue: rawType) else { return .malformed(.badEnvelope("type \(rawType)")) }
        let sequence = Int32(bitPattern: bytes.word(at: name.upperBound + tail - 4))
        return .envelope(isOld ? .binaryOld : .binary, type, sequence: sequence, name: name, end: name.upperBound + tail)
    }

    private static func compact(_ bytes: UnsafeRawBufferPointer, from start: Int, end: Int) -> ThriftEnvelopeParse {
        guard bytes.count >= start + 4 else { return .incomplete(needed: start + 4) }
        guard bytes[start] == 0x82, bytes[start + 1] & 0x1F == 1 else {
            return .malformed(.badEnvelope("\(bytes[start]) \(bytes[start + 1]) where a compact message begins"))
        }
        let rawType = bytes[start + 1] >> 5
        guard let type = ThriftMessageType(rawValue: rawType) else { return .malformed(.badEnvelope("type \(rawType)")) }
        let sequence: Varint
        switch Varint.read(bytes, at: start + 2, most: 5) {
        case .value(let value): sequence = value
        case .incomplete: return .incomplete(needed: bytes.count + 1)
        case .tooLong: return .malformed(.badEnvelope("a sequence id of over 5 bytes"))
        }
        switch Varint.read(bytes, at: sequence.end, most: 5) {
        case .value(let length):
            guard length.bits <= UInt64(max(end - length.end, 0)) else {
                return .malformed(.badEnvelope("a name of \(length.bits) bytes"))
            }
            let name = length.end..<length.end + Int(length.bits)
            guard bytes.count >= name.upperBound else { return .incomplete(needed: name.upperBound) }
            let number = Int32(bitPattern: UInt32(truncatingIfNeeded: sequence.bits))
            return .envelope(.compact, type, sequence: number, name: name, end: name.upperBound)
        case .incomplete: return .incomplete(needed: bytes.count + 1)
        case .tooLong: return .malformed(.badEnvelope("a name whose length takes over 5 bytes"))
        }
    }
}

extension WireError {
    static func badEnvelope(_ what: String) -> WireError { WireError(.protocol, "not a Thrift message: \(what)") }
}

extension UnsafeRawBufferPointer {
    /// The big-endian 32 bits at `offset`; the caller has checked that they are there.
    @inline(__always)
    func word(at offset: Int) -> UInt32 { UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
}
