import NIOCore
import Wire

private let limit = 1 << 16

/// A stream of Thrift messages in any form, looked at whole and in pieces.
@Sendable
func fuzzThriftMessages(_ input: UnsafeRawBufferPointer) {
    guard let first = input.first else { return }
    let bytes = UnsafeRawBufferPointer(rebasing: input.dropFirst())
    var reader = ThriftReader(limit: limit)
    let whole = message(reader.next(bytes), of: bytes)
    // The same in two pieces, cut where the first byte says.
    var pieces = ThriftReader(limit: limit)
    let start = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.isEmpty ? 0 : Int(first) % bytes.count)])
    var found = pieces.next(start)
    if case .incomplete(let needed) = found {
        demand(needed > start.count, "more is asked for than there is")
        found = pieces.next(bytes)
    }
    demand(message(found, of: bytes) == whole, "a message is the same in pieces")
    guard let head = whole else { return }
    let isWithin = head.count <= bytes.count && head.name.upperBound <= head.body.lowerBound && head.body.upperBound <= bytes.count
    demand(isWithin, "a head within its bytes")
    use(bytes, head.body, head.form.protocol.encoding)
}

private func message(_ found: ThriftReader.Found, of bytes: UnsafeRawBufferPointer) -> ThriftHead? {
    switch found {
    case .message(let head): return head
    case .refused(let refusal):
        demand(refusal.count <= bytes.count, "what is refused is there")
        return nil
    case .incomplete, .malformed: return nil
    }
}

/// A body that stands alone; the first byte chooses its protocol.
@Sendable
func fuzzThriftBodies(_ input: UnsafeRawBufferPointer) {
    guard let first = input.first else { return }
    let bytes = UnsafeRawBufferPointer(rebasing: input.dropFirst())
    use(bytes, 0..<bytes.count, first & 1 == 0 ? .binary : .compact)
}

/// Everything that looks into a body.
private func use(_ bytes: UnsafeRawBufferPointer, _ body: Range<Int>, _ encoding: ThriftEncoding) {
    let buffer = ByteBuffer(bytes: bytes)
    _ = try? ThriftBody.arguments(buffer, body: body, encoding: encoding)
    _ = try? ThriftBody.result(buffer, body: body, encoding: encoding)
    _ = try? ThriftBody.exception(buffer, body: body, encoding: encoding)
    _ = ThriftBody.shardingID(bytes, body: body, encoding: encoding)
    let other: ThriftEncoding = encoding == .binary ? .compact : .binary
    guard let there = convert(bytes, body, encoding, other) else { return }
    guard let back = there.withUnsafeReadableBytes({ convert($0, 0..<$0.count, other, encoding) }),
        let again = back.withUnsafeReadableBytes({ convert($0, 0..<$0.count, encoding, other) })
    else { fatalError("what could be converted can be converted back") }
    demand(again == there, "a conversion there, back and there is the same")
}

private func convert(_ bytes: UnsafeRawBufferPointer, _ body: Range<Int>, _ from: ThriftEncoding, _ to: ThriftEncoding) -> ByteBuffer? {
    var result = ByteBuffer()
    guard (try? ThriftConverter.convert(bytes, body: body, from: from, to: to, into: &result)) != nil else { return nil }
    return result
}
