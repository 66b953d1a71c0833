import Links
import Membership
import NIOCore
import Synchronization
import Telemetry
import Wire

/// From agents to callers, and what the hub itself has to tell callers (rules S1, S2, S10).
extension Shard {
    /// An agent's REPLY or UNDELIVERED, on the loop of its link.
    @inline(__always)
    func answered(_ header: RPCHeader, _ frame: UnsafeRawPointer, by agent: MemberLink) {
        let owner = HubCall.loop(header.call)
        guard owner < loopCount else { return strange(agent.id) }
        if owner == index { return answered(header, frame + RPCHeader.size, agent: agent.id) }
        cross(Crossing(.answer, agent: agent.id, count: header.length), to: owner) { $0.copyMemory(from: frame, byteCount: header.length) }
    }

    /// The same on the loop of the call.
    @inline(__always)
    func answered(_ header: RPCHeader, _ payload: UnsafeRawPointer, agent: UInt64) {
        switch desk.answered(agent: agent, number: HubCall.number(header.call)) {
        case .call(let call): deliver(header, payload, to: call)
        case .late: counters.late += 1
        case .stranger: strange(agent)
        }
    }

    /// An answer that nobody asked that agent for is dropped (rule S10).
    private func strange(_ agent: UInt64) {
        counters.security(.answer)
        log.event("answer", "\(self.agent(agent)?.shell.name ?? "an agent") answered a call that it was not asked, or had answered before")
    }

    @inline(__always)
    private func deliver(_ header: RPCHeader, _ payload: UnsafeRawPointer, to call: Call) {
        guard header.kind == RPCKind.reply.rawValue else { return passOn(header, payload, to: call) }
        guard header.payloadCount >= ProtoReply.leastPayload else {
            return answer(call, .protocol, identify: header.identify, "a REPLY of \(header.payloadCount) bytes; at least \(ProtoReply.leastPayload)")
        }
        counters.answered += 1
        if call.asker == Asker.door {
            door?.answered(call.number, payload: UnsafeRawBufferPointer(start: payload, count: header.payloadCount))
            return
        }
        guard let caller = caller(call.asker) else { return }
        let answer = RPCHeader(.reply, payloadCount: header.payloadCount, rpc: call.rpc, identify: caller.node, call: call.number)
        caller.append(answer, payload)
    }

    /// The agent tells in place of a REPLY why there is none.
    private func passOn(_ header: RPCHeader, _ payload: UnsafeRawPointer, to call: Call) {
        let report = try? Reject(
            body: ByteBuffer(bytes: UnsafeRawBufferPointer(start: payload, count: header.payloadCount)), format: .standard)
        guard let report, report.code != 0 else {
            return answer(call, .protocol, identify: header.identify, "an UNDELIVERED that does not parse")
        }
        counters.undelivered.add(raw: report.code)
        if call.asker == Asker.door {
            let name = Code.name(of: report.code)
            door?.failed(call.number, code: report.code, reason: report.reason.hasPrefix(name) ? report.reason : "\(name): \(report.reason)")
            return
        }
        guard let caller = caller(call.asker) else { return }
        caller.say(RPCUndelivered(code: report.code, rpc: call.rpc, identify: caller.node, call: call.number, reason: report.reason))
    }

    /// Tells a call's asker that there is no answer, and why.
    func answer(_ call: Call, _ code: Code, identify: UInt64, _ detail: @autoclosure () -> String? = nil) {
        counters.undelivered.add(code)
        let reason = "\(code.name): \(detail() ?? Shard.reason(code, call.rpc))"
        guard call.asker != Asker.door else {
            door?.failed(call.number, code: code.rawValue, reason: reason)
            return
        }
        guard let caller = caller(call.asker) else { return }
        caller.say(RPCUndelivered(code: code.rawValue, rpc: call.rpc, identify: identify, call: call.number, reason: reason))
    }

    /// A REQUEST that was not even looked at for an agent.
    func tell(_ caller: MemberLink, _ header: RPCHeader, _ code: Code, _ reason: String) {
        counters.undelivered.add(code)
        caller.say(
            RPCUndelivered(code: code.rawValue, rpc: header.rpc, identify: header.identify, call: header.call, reason: "\(code.name): \(reason)"))
    }

    private static func reason(_ code: Code, _ rpc: UInt32) -> String {
        switch code {
        case .noRoute: "no agent for RPC id \(rpc)"
        case .draining: "every agent for RPC id \(rpc) is leaving"
        case .busy: "the agents for RPC id \(rpc) are full"
        case .deadline: "no answer in time"
        case .lost: "the agent's link was lost"
        case .neverSent: "the agent's link was lost before the call was written"
        case .tooLarge: "the answer is over the frame limit"
        default: "RPC id \(rpc)"
        }
    }

    // MARK: - Agents that died (rules S2, S3)

    /// An agent of this loop is gone. Every loop that has calls with it says when it sends nothing more; then what is left is lost.
    /// - Parameter held: what the socket has been given nothing of.
    func agentGone(_ agent: MemberLink, _ held: [ByteBuffer]) {
        let id = agent.id
        peers.linkIsGone(id)
        agent.gauge.bytes.queued.store(0, ordering: .relaxed)
        desk.gone(agent: id)
        for other in shards where other.index != index { say(.gone, of: id, to: other.index) }
        for block in held + [agent.takeEarly()] { sendBack(block, agent: id) }
        endCalls(with: id)
    }

    /// REQUESTs of which no byte was written go back to the loops of their callers.
    private func sendBack(_ block: ByteBuffer, agent: UInt64) {
        block.withUnsafeReadableBytes { bytes in
            var offset = 0
            // Guard: a block holds whole frames that this hub wrote.
            while bytes.count - offset >= RPCHeader.size, let base = bytes.baseAddress {
                let header = RPCHeader(at: base + offset)
                if header.kind == RPCKind.request.rawValue { sendBack(header, base + offset, agent: agent) }
                offset += header.length
            }
        }
    }

    func sendBack(_ header: RPCHeader, _ frame: UnsafeRawPointer, agent: UInt64) {
        // Nobody can be told about a oneway call that was handed on.
        guard !header.isOneway else { return counters.undelivered.add(.neverSent) }
        let owner = HubCall.loop(header.call)
        if owner == index { return returned(header, frame, agent: agent) }
        cross(Crossing(.returned, agent: agent, count: header.length), to: owner) { $0.copyMemory(from: frame, byteCount: header.length) }
    }

    /// A REQUEST came back unwritten: another agent has it, once.
    func returned(_ header: RPCHeader, _ frame: UnsafeRawPointer, agent: UInt64) {
        guard var call = desk.returned(agent: agent, number: HubCall.number(header.call)) else { return }
        let left = (call.deadline - LinkLoop.tick(of: loop.now)) * 10
        if !call.isRerouted, left > 0 {
            call.isRerouted = true
            var again = header
            again.call = call.number
            if send(again, frame, call, milliseconds: left) == nil {
                counters.rerouted += 1
                return
            }
        }
        answer(call, .neverSent, identify: header.identify)
    }

    /// Nothing more comes back from that agent: what is left of its calls is lost.
    func endCalls(with agent: UInt64) {
        for call in desk.ended(agent: agent) { answer(call, .lost, identify: desk.node(of: call.asker) ?? 0) }
    }
}
