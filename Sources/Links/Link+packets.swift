package import NIOCore
public import Wire

extension Link {
    /// Queues a packet: the header as given, the body from where it lies.
    @inlinable
    @inline(__always)
    package func append(_ header: PacketHeader, _ body: UnsafeRawPointer, format: WireFormat) {
        append(header.length) { target in
            header.store(to: target, format: format)
            (target + PacketHeader.size).copyMemory(from: body, byteCount: header.bodyCount)
        }
    }

    package func append(_ packet: Packet, format: WireFormat) {
        packet.body.withUnsafeReadableBytes { body in
            append(packet.header.length) { target in
                packet.header.store(to: target, format: format)
                if let start = body.baseAddress { (target + PacketHeader.size).copyMemory(from: start, byteCount: body.count) }
            }
        }
    }

    package func append(_ frame: UndeliveredFrame, format: WireFormat) {
        append(frame.header.length) { frame.store(to: $0, format: format) }
    }
}

extension TimeAmount {
    /// `5s` or `250ms`, as the configuration writes it.
    package var text: String {
        let milliseconds = nanoseconds / 1_000_000
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }
}

/// `0xFF0B`.
package func hex(_ type: UInt16) -> String { "0x" + String(type, radix: 16, uppercase: true) }
