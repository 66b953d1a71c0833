import Links
import Logging
import Membership
import NIOCore
import Telemetry
import Wire

/// What a member says (protocol section 2).
extension MemberLink {
    func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        guard let base = bytes.baseAddress else { return Consumed(bytes: 0, needed: PacketHeader.size) }
        let shard = shard
        let count = bytes.count
        var offset = 0
        var needed = PacketHeader.size
        while count - offset >= PacketHeader.size {
            let header = PacketHeader(at: base + offset, format: .standard)
            guard header.length >= PacketHeader.size, isWelcomed || mayComeEarly(header) else {
                refuse(header, UnsafeRawBufferPointer(rebasing: bytes[offset...]))
                return Consumed(bytes: count, needed: PacketHeader.size)
            }
            guard header.length <= count - offset else {
                needed = header.length
                break
            }
            let packet = base + offset
            offset += header.length
            if header.isControl {
                control(header, packet + PacketHeader.size)
                guard link.isOpen else { return Consumed(bytes: count, needed: PacketHeader.size) }
            } else if port == .edges {
                shard.forward(header, packet, from: self)
            } else {
                shard.deliver(header, packet, from: self)
            }
        }
        shard.counters[port].bytesIn += offset
        if isWelcomed || count - offset >= PacketHeader.size { return Consumed(bytes: offset, needed: needed) }
        // Before WELCOME even the start of a header is looked at: it may be another protocol's.
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        if let stranger = Recognition.stranger(rest) {
            turnAway(stranger)
            return Consumed(bytes: count, needed: PacketHeader.size)
        }
        return Consumed(bytes: offset, needed: Recognition.mayBeStranger(rest) ? Consumed.more : needed)
    }

    /// Before WELCOME nothing but HELLO is taken, and its size is judged before anything of it is kept (protocol section 4).
    private func mayComeEarly(_ header: PacketHeader) -> Bool {
        switch ControlType(rawValue: header.type) {
        case .hello: header.bodyCount <= Handshake.maxHello
        case .reject: header.bodyCount <= MemberLink.maxReject
        default: false
        }
    }

    private static let maxReject = 1026

    /// The packet at `bytes` cannot be taken at all.
    private func refuse(_ header: PacketHeader, _ bytes: UnsafeRawBufferPointer) {
        if !isWelcomed, let stranger = Recognition.stranger(bytes) { return turnAway(stranger) }
        if header.length < PacketHeader.size {
            shell.refuse(Refusal(.protocol, detail: "Pack_len gives a packet of \(header.length) bytes, the least is \(PacketHeader.size)"))
        } else if header.type == ControlType.hello.rawValue {
            shell.refuse(Refusal(.protocol, detail: "HELLO of \(header.bodyCount) bytes; at most \(Handshake.maxHello)"))
        } else {
            shell.otherReceived("type \(hex(header.type))")
        }
    }

    /// Another protocol is not answered in ours.
    private func turnAway(_ stranger: String) {
        shard.log.event("stranger", "closing \(link.remote): this is a hub's port for \(port) and it sent \(stranger)")
        link.abandon(.protocol)
    }

    private func control(_ header: PacketHeader, _ body: UnsafeRawPointer) {
        let bytes = UnsafeRawBufferPointer(start: body, count: header.bodyCount)
        switch (ControlType(rawValue: header.type), port) {
        case (.hello, _): shell.helloReceived(bytes)
        case (.ping, _): ping(header, body)
        case (.pong, _): break
        case (.drain, _): drainSaid(bytes)
        case (.reject, _): rejected(bytes)
        case (.sessionClosed, .edges): shard.sessionClosed(header, body, from: self)
        case (.undelivered, .services): shard.passOn(header, body, from: self)
        case (.kick, .services), (.bind, .services), (.multicast, .services): shard.command(header, body, from: self)
        case (nil, _): shard.counters.ignored += 1
        case (.welcome, _), (.peers, _), (.sessionClosed, _), (.undelivered, _), (.kick, _), (.bind, _), (.multicast, _):
            shard.counters.security(.kind)
            shard.log.event("kind", "\(name) sent \(hex(header.type)), which is not for it to say; ignored")
        }
    }

    private func ping(_ header: PacketHeader, _ body: UnsafeRawPointer) {
        guard header.bodyCount <= Ping.maxBody else { return shard.answer(self, .badRequest, header, body, "PING over 64 bytes") }
        var pong = header
        pong.type = ControlType.pong.rawValue
        say(pong.length) { target in
            pong.store(to: target, format: .standard)
            (target + PacketHeader.size).copyMemory(from: body, byteCount: pong.bodyCount)
        }
    }

    private func drainSaid(_ bytes: UnsafeRawBufferPointer) {
        guard let drain = try? Drain(body: ByteBuffer(bytes: bytes), format: .standard), let memberID else {
            shard.counters.ignored += 1
            return
        }
        // What it said before is on its way first.
        shard.postOutboxes()
        if drain.deadlineMilliseconds == 0 {
            shard.context.registrar.answered(memberID)
        } else {
            shard.log.event("draining", level: .info, "\(name) is leaving; it gets nothing new")
            shell.isLeaving = true
            shard.ask({ $0.drain(memberID) }, then: { self.shell.drains(version: $0) })
        }
    }

    private func rejected(_ bytes: UnsafeRawBufferPointer) {
        guard let reject = try? Reject(body: ByteBuffer(bytes: bytes), format: .standard) else {
            shard.counters.ignored += 1
            return
        }
        shard.log.event("rejected", "\(name) rejects us: \(Code.name(of: reject.code)): \(reject.reason)")
    }
}
