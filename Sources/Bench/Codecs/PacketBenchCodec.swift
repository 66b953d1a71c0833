package import NIOCore
import Wire

/// Packets to a gateway, answered by anything that echoes bodies.
///
/// | offset in body | size | field                                                      |
/// |----------------|------|------------------------------------------------------------|
/// | 0              | 8    | the request's time, nanoseconds of the monotonic clock     |
/// | 8              | 4    | connection, from 0 (bodies of 16 bytes and more)           |
/// | 12             | 4    | sequence, from 1 (bodies of 16 bytes and more)             |
/// | 16             | n    | zeros                                                      |
///
/// UNDELIVERED quotes the first 16 bytes of the lost body, so it names the request that it is about as an answer does.
package struct PacketBenchCodec: BenchCodec {
    /// The least body: the time alone.
    package static let minSize = 8
    private static let taggedSize = 16

    private let type: UInt16
    private let connection: UInt32
    private let isTagged: Bool
    /// A whole request with zeros for its time and sequence.
    private let template: [UInt8]

    /// - Parameter size: body bytes, ``minSize`` ... ``PacketHeader/maxBody``.
    package init(type: UInt16, size: Int, connection: UInt32) {
        self.type = type
        self.connection = connection
        isTagged = size >= PacketBenchCodec.taggedSize
        var buffer = ByteBuffer()
        buffer.writeHeader(PacketHeader(bodyCount: size, type: type), format: .standard)
        buffer.writeRepeatingByte(0, count: size)
        template = Array(buffer.readableBytesView)
    }

    package var requestSize: Int { template.count }

    package mutating func appendRequest(sentAt: UInt64, sequence: UInt32, to output: inout ByteBuffer) {
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: template.count) { bytes in
            template.withUnsafeBytes { bytes.copyMemory(from: $0) }
            bytes.storeBytes(of: sentAt.bigEndian, toByteOffset: PacketHeader.size, as: UInt64.self)
            if isTagged {
                let tag = UInt64(connection) << 32 | UInt64(sequence)
                bytes.storeBytes(of: tag.bigEndian, toByteOffset: PacketHeader.size + 8, as: UInt64.self)
            }
            return template.count
        }
    }

    package mutating func read(_ bytes: UnsafeRawBufferPointer, output: inout ByteBuffer) -> BenchMessage {
        guard bytes.count >= PacketHeader.size, let base = bytes.baseAddress else { return .incomplete }
        let length = PacketHeader.length(at: base, format: .standard)
        guard length >= PacketHeader.size else { return BenchMessage(length: 0, meaning: .badLength(length)) }
        guard bytes.count >= length else { return .incomplete }
        let packet = UnsafeRawBufferPointer(rebasing: bytes[..<length])
        let type = UInt16(bigEndian: packet.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        if type == self.type { return BenchMessage(length: length, meaning: answer(packet)) }
        guard type >= PacketHeader.firstControlType else { return BenchMessage(length: length, meaning: .foreign) }
        return BenchMessage(length: length, meaning: control(packet, type: type, output: &output))
    }

    private func answer(_ packet: UnsafeRawBufferPointer) -> BenchMessage.Meaning {
        guard let stamp = stamp(in: packet, at: PacketHeader.size) else { return .foreign }
        return .answer(sentAt: stamp.sentAt, sequence: stamp.sequence)
    }

    /// The time and sequence that stand at `offset`; nil when too few bytes do, or another connection's.
    private func stamp(in packet: UnsafeRawBufferPointer, at offset: Int) -> (sentAt: UInt64, sequence: UInt32)? {
        guard packet.count >= offset + (isTagged ? PacketBenchCodec.taggedSize : PacketBenchCodec.minSize) else { return nil }
        let sentAt = UInt64(bigEndian: packet.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        guard isTagged else { return (sentAt, 0) }
        let tag = UInt64(bigEndian: packet.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
        guard UInt32(tag >> 32) == connection else { return nil }
        return (sentAt, UInt32(truncatingIfNeeded: tag))
    }

    /// PING is answered; UNDELIVERED and REJECT are read in place (Wire's `Undelivered` and `Reject` give the layouts).
    private func control(_ packet: UnsafeRawBufferPointer, type: UInt16, output: inout ByteBuffer) -> BenchMessage.Meaning {
        let body = PacketHeader.size
        switch ControlType(rawValue: type) {
        case .ping:
            let start = output.writerIndex
            output.writeBytes(packet)
            output.setInteger(ControlType.pong.rawValue, at: start + 2)
            return .upkeep
        case .undelivered where packet.count >= body + 31:
            let code = UInt16(bigEndian: packet.loadUnaligned(fromByteOffset: body, as: UInt16.self))
            let quoted = min(Int(packet[body + 30]), packet.count - body - 31)
            let quote = UnsafeRawBufferPointer(rebasing: packet[..<(body + 31 + quoted)])
            return .undelivered(code: code, sentAt: stamp(in: quote, at: body + 31)?.sentAt)
        case .reject where packet.count >= body + 2:
            return .reject(code: UInt16(bigEndian: packet.loadUnaligned(fromByteOffset: body, as: UInt16.self)))
        default:
            return .upkeep
        }
    }
}
