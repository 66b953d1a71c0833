package import NIOCore
import Wire

/// Calls of a `ProtoService` method, framed and binary, to anything that answers them: a Thrift server, or a proxy in front of some.
///
/// An answer is matched by its sequence id. A TApplicationException counts as undelivered, by the code that its message begins with;
/// one that does not begin with a code, and a declared exception, as `remoteException`.
package struct ThriftBenchCodec: BenchCodec {
    /// The longest content: the frame stays below what every Thrift server takes.
    package static let maxSize = 15 << 20
    private static let form = ThriftForm(.framed, .binary)
    private static let longestAnswer = 64 << 20

    /// A whole call with 0 for its sequence id.
    private let template: [UInt8]
    /// Where the sequence id stands.
    private let sequenceOffset: Int
    private var times = RequestTimes()

    /// - Parameters:
    ///   - type: of the request.
    ///   - size: bytes of its content, at most ``maxSize``.
    ///   - sharding: what balancers and lanes go by; 0 lets each call go its own way.
    package init(method: String, type: Int32, size: Int, sharding: Int64 = 0) {
        let content = ByteBuffer(repeating: 0x78, count: size)
        let request = ProtoRequest(type: type, content: content, shardingID: sharding)
        let message = ThriftEnvelope.message(ThriftBenchCodec.form, .call, sequence: 0, name: method) {
            ThriftBody.write(request, encoding: .binary, to: &$0)
        }
        template = Array(message.readableBytesView)
        // The frame's length, version and type, the name's length, the name.
        sequenceOffset = 12 + method.utf8.count
    }

    package var requestSize: Int { template.count }

    package mutating func appendRequest(sentAt: UInt64, sequence: UInt32, to output: inout ByteBuffer) {
        times.add(sentAt)
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: template.count) { bytes in
            template.withUnsafeBytes { bytes.copyMemory(from: $0) }
            bytes.storeBytes(of: sequence.bigEndian, toByteOffset: sequenceOffset, as: UInt32.self)
            return template.count
        }
    }

    package mutating func read(_ bytes: UnsafeRawBufferPointer, output: inout ByteBuffer) -> BenchMessage {
        // A frame is understood without anything of the frames before it.
        var reader = ThriftReader(form: ThriftBenchCodec.form, limit: ThriftBenchCodec.longestAnswer)
        switch reader.next(bytes) {
        case .incomplete: return .incomplete
        case .refused(let refusal): return BenchMessage(length: refusal.count, meaning: .foreign)
        case .malformed:
            let length = bytes.count >= 4 ? Int(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self))) : bytes.count
            return BenchMessage(length: 0, meaning: .badLength(length))
        case .message(let head):
            return BenchMessage(length: head.count, meaning: meaning(of: head, UnsafeRawBufferPointer(rebasing: bytes[..<head.count])))
        }
    }

    private mutating func meaning(of head: ThriftHead, _ bytes: UnsafeRawBufferPointer) -> BenchMessage.Meaning {
        let sequence = UInt32(bitPattern: head.sequence)
        guard head.type == .reply || head.type == .exception, let sentAt = times.take(sequence) else { return .foreign }
        if head.type == .reply, ThriftBenchCodec.isSuccess(bytes, head) { return .answer(sentAt: sentAt, sequence: sequence) }
        return .undelivered(code: ThriftBenchCodec.code(bytes, head).rawValue, sentAt: sentAt)
    }

    /// A reply whose first field is 0, the result, or that has none: what a `void` method returns.
    private static func isSuccess(_ bytes: UnsafeRawBufferPointer, _ head: ThriftHead) -> Bool {
        let body = bytes[head.body]
        return body.first == 0 || (body.count >= 3 && bytes[body.startIndex + 1] == 0 && bytes[body.startIndex + 2] == 0)
    }

    /// What an exception's message begins with.
    private static func code(_ bytes: UnsafeRawBufferPointer, _ head: ThriftHead) -> Code {
        guard head.type == .exception,
            let exception = try? ThriftBody.exception(ByteBuffer(bytes: bytes), body: head.body, encoding: .binary)
        else { return .remoteException }
        let name = String(exception.message.prefix { $0 != ":" })
        return Code.allCases.first { $0.name == name } ?? .remoteException
    }
}
