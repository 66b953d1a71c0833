import Links
import NIOCore
import Wire

/// What was left when a link died (rules S2, S3).
extension MemberLink {
    func settle(_ remains: Remains) {
        remains.writing?.forEachPacket { header, packet, position in
            let origin = origins.origin(of: remains.heldOffset - (remains.writing?.readableBytes ?? 0) + position.offset)
            shard.lost(header, packet, for: port, origin: origin, wasWritten: true)
        }
        var start = remains.heldOffset
        for block in remains.held {
            block.forEachPacket { header, packet, position in
                shard.lost(header, packet, for: port, origin: origins.origin(of: start + position.offset), wasWritten: false)
            }
            start += block.readableBytes
        }
    }

    func settleEarly(_ early: ByteBuffer, _ origins: [UInt64]) {
        early.forEachPacket { header, packet, position in
            shard.lost(header, packet, for: port, origin: origins[position.index], wasWritten: false)
        }
    }
}

extension ByteBuffer {
    /// Walks whole packets that this hub wrote.
    func forEachPacket(_ body: (PacketHeader, UnsafeRawPointer, (index: Int, offset: Int)) -> Void) {
        withUnsafeReadableBytes { bytes in
            var offset = 0
            var index = 0
            while bytes.count - offset >= PacketHeader.size, let base = bytes.baseAddress {
                let header = PacketHeader(at: base + offset, format: .standard)
                body(header, base + offset, (index, offset))
                offset += header.length
                index += 1
            }
        }
    }
}
