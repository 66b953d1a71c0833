package import NIOCore
import Wire

/// Calls to an RPC hub; each connection registers as a caller of its own. An answer is matched by its call id.
package struct RPCHubBenchCodec: BenchCodec {
    /// The longest content that fits the smallest `maxFrame` that a hub may be given more of.
    package static let maxSize = RPCHeader.largestFrame - RPCHeader.size - ProtoRequest.leastPayload
    private static let callOffset = 24

    private let hello: [UInt8]
    /// A whole REQUEST with 0 for its call id.
    private let template: [UInt8]
    private var times = RequestTimes()
    package private(set) var isReady = false

    /// - Parameters:
    ///   - type: of the requests.
    ///   - size: bytes of their content, at most ``maxSize``.
    ///   - identify: the caller's identify id; not 0.
    package init(rpc: UInt32, type: Int32, size: Int, identify: UInt64, token: [UInt8]) {
        var buffer = ByteBuffer()
        RPCFrame(.hello, Hello(role: .caller, node: identify, token: token, name: "bench")).write(to: &buffer)
        hello = Array(buffer.readableBytesView)
        var payload = ByteBuffer()
        ProtoRequest(type: type, content: ByteBuffer(repeating: 0x78, count: size)).writePayload(to: &payload)
        buffer.clear()
        RPCFrame(RPCHeader(.request, payloadCount: 0, rpc: rpc, identify: identify), payload: payload).write(to: &buffer)
        template = Array(buffer.readableBytesView)
    }

    package var requestSize: Int { template.count }

    package mutating func appendOpening(to output: inout ByteBuffer) { output.writeBytes(hello) }

    package mutating func appendRequest(sentAt: UInt64, sequence: UInt32, to output: inout ByteBuffer) {
        times.add(sentAt)
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: template.count) { bytes in
            template.withUnsafeBytes { bytes.copyMemory(from: $0) }
            bytes.storeBytes(of: UInt64(sequence).bigEndian, toByteOffset: RPCHubBenchCodec.callOffset, as: UInt64.self)
            return template.count
        }
    }

    package mutating func read(_ bytes: UnsafeRawBufferPointer, output: inout ByteBuffer) -> BenchMessage {
        guard bytes.count >= RPCHeader.size, let base = bytes.baseAddress else { return .incomplete }
        let header = RPCHeader(at: base)
        guard (RPCHeader.size...RPCHeader.largestFrame).contains(header.length) else {
            return BenchMessage(length: 0, meaning: .badLength(header.length))
        }
        guard bytes.count >= header.length else { return .incomplete }
        return BenchMessage(length: header.length, meaning: meaning(of: header, base, &output))
    }

    private mutating func meaning(of header: RPCHeader, _ frame: UnsafeRawPointer, _ output: inout ByteBuffer) -> BenchMessage.Meaning {
        switch RPCKind(rawValue: header.kind) {
        case .reply:
            let sequence = UInt32(truncatingIfNeeded: header.call)
            return times.take(sequence).map { .answer(sentAt: $0, sequence: sequence) } ?? .foreign
        case .undelivered:
            return .undelivered(code: header.code, sentAt: times.take(UInt32(truncatingIfNeeded: header.call)))
        case .welcome:
            isReady = true
            return .upkeep
        case .ping:
            let start = output.writerIndex
            output.writeBytes(UnsafeRawBufferPointer(start: frame, count: header.length))
            output.setInteger(RPCKind.pong.rawValue, at: start + 4)
            return .upkeep
        case .reject: return .reject(code: header.code)
        default: return .upkeep
        }
    }
}
