import Links
import Logging
import NIOCore
import Telemetry
import Wire

/// What an upstream says (protocol section 2).
extension DirectUpstream {
    func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        guard let base = bytes.baseAddress else { return Consumed(bytes: 0, needed: PacketHeader.size) }
        let count = bytes.count
        let format = route.format
        var offset = 0
        while count - offset >= PacketHeader.size {
            let header = PacketHeader(at: base + offset, format: format)
            guard header.length >= PacketHeader.size else {
                malformed(link, header)
                return Consumed(bytes: count, needed: PacketHeader.size)
            }
            guard header.length <= count - offset else { return Consumed(bytes: offset, needed: header.length) }
            let body = base + offset + PacketHeader.size
            offset += header.length
            if header.isControl || header.session == 0 {
                special(link, header, body)
                guard link.isOpen else { return Consumed(bytes: count, needed: PacketHeader.size) }
            } else {
                shard.deliver(header, body, from: connection)
            }
        }
        return Consumed(bytes: offset, needed: PacketHeader.size)
    }

    private func malformed(_ link: Link, _ header: PacketHeader) {
        shard.log.event("framing", "closing \(name): Pack_len gives a packet of \(header.length) bytes, the least is 28")
        link.close(.protocol) { if !self.route.settings.legacy { $0.append(Packet(Reject(.protocol)), format: self.route.format) } }
        tellLoops(.down)
    }

    private func special(_ link: Link, _ header: PacketHeader, _ body: UnsafeRawPointer) {
        guard header.isControl else { return shard.command(header, body, from: connection) }
        guard !route.settings.legacy else {
            shard.counters.ignored += 1
            return
        }
        let bytes = UnsafeRawBufferPointer(start: body, count: header.bodyCount)
        switch ControlType(rawValue: header.type) {
        case .kick, .bind, .multicast: shard.command(header, body, from: connection)
        case .ping: answerPing(link, header, body)
        case .pong: break
        case .drain: drainSaid(Result { try Drain(body: ByteBuffer(bytes: bytes), format: route.format) })
        case .undelivered: passOn(bytes)
        case .reject: rejected(bytes)
        case .hello, .welcome, .sessionClosed, .peers:
            shard.counters.security(.kind)
            shard.log.event("kind", "\(name) sent \(hex(header.type)), which is not for an upstream to say; ignored")
        case nil: shard.counters.ignored += 1
        }
    }

    private func rejected(_ bytes: UnsafeRawBufferPointer) {
        guard let reject = try? Reject(body: ByteBuffer(bytes: bytes), format: route.format) else {
            shard.counters.ignored += 1
            return
        }
        refusal = Code(rawValue: reject.code)
        shard.log.event("rejected", level: .error, "\(name) rejects us: \(Code.name(of: reject.code)): \(reject.reason)")
    }
}
