import Links
import Logging
import Membership
import NIOCore
import Telemetry
import Wire

/// What a member says (protocol section 3).
extension MemberLink {
    func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        guard let base = bytes.baseAddress else { return Consumed(bytes: 0, needed: RPCHeader.size) }
        let shard = shard
        var offset = 0
        defer { shard.counters[port].bytesIn += offset }
        while true {
            let rest = UnsafeRawBufferPointer(start: base + offset, count: bytes.count - offset)
            switch framing.step(rest) {
            case .frame(let header):
                guard isWelcomed || mayComeEarly(header) else { return turnAway(header, rest) }
                let frame = base + offset
                offset += header.length
                take(header, frame, shard)
                guard link.isOpen else { return Consumed(bytes: bytes.count, needed: RPCHeader.size) }
            case .discard(let count): offset += count
            case .tooLarge(let header):
                guard isWelcomed else { return turnAway(header, rest) }
                tooLarge(header)
            case .incomplete(let needed):
                return isWelcomed ? Consumed(bytes: offset, needed: needed) : early(rest, offset, needed)
            case .malformed(let error):
                if !isWelcomed, let stranger = Recognition.stranger(rest) { return turnAway(stranger, bytes.count) }
                shell.refuse(Refusal(.protocol, detail: error.description))
                return Consumed(bytes: bytes.count, needed: RPCHeader.size)
            }
        }
    }

    @inline(__always)
    private func take(_ header: RPCHeader, _ frame: UnsafeRawPointer, _ shard: Shard) {
        if port == .callers, header.kind == RPCKind.request.rawValue {
            shard.request(header, frame, from: self)
        } else if port == .agents, header.kind == RPCKind.reply.rawValue || header.kind == RPCKind.undelivered.rawValue {
            shard.answered(header, frame, by: self)
        } else {
            control(header, frame)
        }
    }

    private func control(_ header: RPCHeader, _ frame: UnsafeRawPointer) {
        let payload = UnsafeRawBufferPointer(start: frame + RPCHeader.size, count: header.payloadCount)
        switch (RPCKind(rawValue: header.kind), port) {
        case (.hello, _): shell.helloReceived(payload)
        case (.ping, _): ping(header, frame)
        case (.pong, _): break
        case (.drain, _): drainSaid(payload)
        case (.reject, _): rejected(payload)
        case (.cancel, .callers): shard.cancel(header, from: self)
        case (nil, _): shard.counters.ignored += 1
        case (let kind?, _):
            shard.counters.security(.kind)
            shard.log.event("kind", "\(shell.name) sent \(kind.name), which is not for it to say; ignored")
        }
    }

    private func ping(_ header: RPCHeader, _ frame: UnsafeRawPointer) {
        guard header.payloadCount <= Ping.maxBody else {
            let reason = "\(Code.badRequest.name): PING over \(Ping.maxBody) bytes"
            return say(RPCUndelivered(code: Code.badRequest.rawValue, rpc: header.rpc, identify: header.identify, call: header.call, reason: reason))
        }
        var pong = header
        pong.kind = RPCKind.pong.rawValue
        say(pong, frame + RPCHeader.size)
    }

    private func drainSaid(_ payload: UnsafeRawBufferPointer) {
        guard let drain = try? Drain(body: ByteBuffer(bytes: payload), format: .standard), let memberID = shell.memberID else {
            shard.counters.ignored += 1
            return
        }
        // What it said before is on its way first.
        shard.postOutboxes()
        if drain.deadlineMilliseconds == 0 {
            shard.context.registrar.answered(memberID)
        } else {
            shard.log.event("draining", level: .info, "\(shell.name) is leaving; it gets nothing new")
            shell.isLeaving = true
            drains()
        }
    }

    private func rejected(_ payload: UnsafeRawBufferPointer) {
        guard let reject = try? Reject(body: ByteBuffer(bytes: payload), format: .standard) else {
            shard.counters.ignored += 1
            return
        }
        shard.log.event("rejected", "\(shell.name) rejects us: \(Code.name(of: reject.code)): \(reject.reason)")
    }

    /// A call or an answer over `maxFrame` is read away, and answered.
    private func tooLarge(_ header: RPCHeader) {
        let limit = "a frame of \(header.length) bytes; at most \(framing.maxFrame)"
        switch (RPCKind(rawValue: header.kind), port) {
        case (.request, .callers): shard.tell(self, header, .tooLarge, limit)
        case (.reply, .agents):
            let report = RPCUndelivered(
                code: Code.tooLarge.rawValue, rpc: header.rpc, identify: header.identify, call: header.call, reason: "\(Code.tooLarge.name): \(limit)"
            )
            withUnsafeTemporaryAllocation(byteCount: report.header.length, alignment: 8) { bytes in
                // Guard: it has a header at least, so a base address exists.
                report.store(to: bytes.baseAddress!)
                shard.answered(report.header, bytes.baseAddress!, by: self)
            }
        default:
            shard.counters.security(.kind)
            shard.log.event("kind", "\(shell.name) sent kind \(header.kind), which is not for it to say; ignored")
        }
    }

    // MARK: - Before WELCOME

    /// Nothing but HELLO is taken (protocol section 4).
    private func mayComeEarly(_ header: RPCHeader) -> Bool {
        header.kind == RPCKind.hello.rawValue || header.kind == RPCKind.reject.rawValue
    }

    private func turnAway(_ header: RPCHeader, _ bytes: UnsafeRawBufferPointer) -> Consumed {
        if let stranger = Recognition.stranger(bytes) { return turnAway(stranger, bytes.count) }
        shell.otherReceived(RPCKind(rawValue: header.kind)?.name ?? "kind \(header.kind)")
        return Consumed(bytes: bytes.count, needed: RPCHeader.size)
    }

    /// Another protocol is not answered in ours.
    private func turnAway(_ stranger: String, _ count: Int) -> Consumed {
        shard.log.event("stranger", "closing \(link.remote): this is an RPC hub's port for \(port) and it sent \(stranger)")
        link.abandon(.protocol)
        return Consumed(bytes: count, needed: RPCHeader.size)
    }

    /// Even the start of a frame is looked at: it may be another protocol's, or one that only comes later.
    private func early(_ rest: UnsafeRawBufferPointer, _ offset: Int, _ needed: Int) -> Consumed {
        if let stranger = Recognition.stranger(rest) { return turnAway(stranger, offset + rest.count) }
        if rest.count >= 5, rest[4] != RPCKind.hello.rawValue, rest[4] != RPCKind.reject.rawValue, !Recognition.mayBeStranger(rest) {
            shell.otherReceived(RPCKind(rawValue: rest[4])?.name ?? "kind \(rest[4])")
            return Consumed(bytes: offset + rest.count, needed: RPCHeader.size)
        }
        return Consumed(bytes: offset, needed: Recognition.mayBeStranger(rest) ? Consumed.more : needed)
    }
}
