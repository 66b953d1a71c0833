import Links
import NIOCore
import Routing
import Wire

/// What was left when a link died (rules S2, S3).
extension Upstream {
    func settle(_ remains: Remains) {
        if let block = remains.writing {
            forEachPacket(of: block, from: 0) { header, body, _ in
                if header.isControl { noticeLost(header) } else { report(.lost, header, body) }
            }
        }
        var offset = remains.heldOffset
        for block in remains.held {
            forEachPacket(of: block, from: offset) { header, body, position in
                if header.isControl {
                    if isAnnouncement(header) { shard.context.withdrawAnnouncement(announcement) }
                    shard.resendNotice(header, ByteBuffer(bytes: body), on: route)
                } else if rerouted.contains(position) || !shard.hasRoom(for: header, on: route) {
                    report(.neverSent, header, body)
                } else {
                    let route = shard.route(of: header, on: connection)
                    route.counters.packetsIn -= 1
                    shard.send(header, ByteBuffer(bytes: body), on: route, isNotice: false, isRerouted: true)
                }
            }
            offset += block.readableBytes
        }
        rerouted.clear()
    }

    private func isAnnouncement(_ header: PacketHeader) -> Bool { header.type == ControlType.sessionClosed.rawValue && header.session == 0 }

    private func noticeLost(_ header: PacketHeader) {
        if isAnnouncement(header) { shard.context.withdrawAnnouncement(announcement) }
        if header.type == ControlType.sessionClosed.rawValue { shard.counters.unheardClosings += 1 }
    }

    private func forEachPacket(of block: ByteBuffer, from offset: Int, _ body: (PacketHeader, UnsafeRawBufferPointer, Int) -> Void) {
        block.withUnsafeReadableBytes { bytes in
            var position = 0
            // Guard: a block holds whole packets that this gateway wrote.
            while bytes.count - position >= PacketHeader.size, let base = bytes.baseAddress {
                let header = PacketHeader(at: base + position, format: route.format)
                let rest = UnsafeRawBufferPointer(rebasing: bytes[(position + PacketHeader.size)...])
                body(header, UnsafeRawBufferPointer(rebasing: rest.prefix(header.bodyCount)), offset + position)
                position += header.length
            }
        }
    }

    private func report(_ code: Code, _ header: PacketHeader, _ body: UnsafeRawBufferPointer) {
        shard.undeliverable(code, header, body, session: header.session, route: shard.route(of: header, on: connection))
    }
}

/// Which bytes of a link's stream were re-routed to it: such a packet is not re-routed again (rule S3).
final class ReroutedRanges {
    private var ranges: [Range<Int>] = []

    func note(_ start: Int, count: Int) {
        if let last = ranges.last, last.upperBound == start {
            ranges[ranges.count - 1] = last.lowerBound..<(start + count)
        } else {
            ranges.append(start..<(start + count))
        }
    }

    func contains(_ position: Int) -> Bool { ranges.contains { $0.contains(position) } }
    func clear() { ranges = [] }
}
