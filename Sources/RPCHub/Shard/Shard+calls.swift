import Links
import Membership
import NIOCore
import Telemetry
import Wire

/// From callers to agents.
extension Shard {
    /// A caller's REQUEST (rules S2, S10, S19).
    @inline(__always)
    func request(_ header: RPCHeader, _ frame: UnsafeRawPointer, from caller: MemberLink) {
        if let refusal = desk.refusal(of: header, from: caller.id) { return refuse(refusal, header, caller) }
        let left = timeLeft(header.timeoutMilliseconds)
        let call = newCall(of: caller.id, header, milliseconds: left)
        if let code = send(header, frame, call, milliseconds: left) { answer(call, code, identify: header.identify) }
    }

    @inline(__always)
    private func newCall(of asker: UInt64, _ header: RPCHeader, milliseconds: Int) -> Call {
        let now = LinkLoop.tick(of: loop.now)
        return Call(
            asker: asker, number: header.call, rpc: header.rpc, started: UInt32(truncatingIfNeeded: now), deadline: now + milliseconds / 10 + 1)
    }

    /// A call of the Thrift door (rule S4); it has the hub's default time.
    func requestAtDoor(_ header: RPCHeader, _ frame: UnsafeRawPointer) {
        let left = timeLeft(0)
        let call = newCall(of: Asker.door, header, milliseconds: left)
        if let code = send(header, frame, call, milliseconds: left) { answer(call, code, identify: 0) }
    }

    /// The Thrift caller of a call is gone.
    func abandonAtDoor(_ place: CallPlace) {
        guard let call = desk.abandon(place) else { return }
        counters.undelivered.add(.cancelled)
        sayCancel(place, rpc: call.rpc, identify: 0)
    }

    /// Milliseconds that a call has: what it asks for, within what the hub allows.
    @inline(__always)
    func timeLeft(_ asked: UInt32) -> Int {
        min(asked == 0 ? patience.usual : Int(asked), patience.most)
    }

    private func refuse(_ refusal: CallDesk.Refusal, _ header: RPCHeader, _ caller: MemberLink) {
        switch refusal {
        case .foreignIdentity:
            counters.security(.identity)
            log.event("identity", "\(caller.shell.name) spoke for caller \(header.identify)")
            tell(caller, header, .unauthorized, "this link speaks for caller \(caller.node) alone")
        case .short: tell(caller, header, .badRequest, "a REQUEST of \(header.payloadCount) bytes; at least \(ProtoRequest.leastPayload)")
        case .window: tell(caller, header, .busy, "\(settings.window) calls of this caller are open")
        case .duplicate: tell(caller, header, .badRequest, "call \(header.call) is open")
        }
    }

    /// Chooses an agent for a call, opens it, and hands the REQUEST on. Returns why not.
    @inline(__always)
    func send(_ header: RPCHeader, _ frame: UnsafeRawPointer, _ call: Call, milliseconds: Int) -> Code? {
        guard !takesNoCalls else { return .draining }
        let set = view.candidates(for: header.rpc)
        let sharding = ProtoRequest.shardingID(at: frame + RPCHeader.size)
        switch AgentChoice.choose(set.pointee, shardingID: sharding, draw: draw(), ask: { readiness($0, isOneway: header.isOneway) }) {
        case .noRoute: return .noRoute
        case .draining: return .draining
        case .busy: return .busy
        case .agent(let slot):
            guard isMet(slot) else { return .noRoute }
            let agent = peers[slot].id
            var header = header
            header.timeoutMilliseconds = UInt32(truncatingIfNeeded: milliseconds)
            if header.isOneway {
                header.call = 0
                counters.oneway += 1
            } else {
                guard let number = desk.open(call, with: agent) else { return .busy }
                header.call = HubCall.id(number, loop: index)
                if call.asker == Asker.door { door?.opened(call.number, at: CallPlace(agent: agent, number: number)) }
                armCalls()
            }
            hand(header, frame + RPCHeader.size, .request, to: slot)
            return nil
        }
    }

    @inline(__always)
    private func readiness(_ slot: Int, isOneway: Bool) -> AgentChoice.Readiness {
        guard isMet(slot), desk.knows(agent: peers[slot].id) else { return .gone }
        if peers[slot].loop == index {
            // Nobody is usable with a queue of less than nothing.
            let queued = peers[slot].link?._withUnsafeGuaranteedRef { $0.shell.isUsable ? $0.queued : -1 } ?? -1
            if queued < 0 { return .gone }
            if queued > maxPending { return .full }
        } else if peers[slot].pendingRemotely() > maxPending {
            return .full
        }
        let (load, isFull) = peers[slot].gauge?._withUnsafeGuaranteedRef { ($0.load, $0.isFull) } ?? (0, true)
        // A oneway call takes no place in the window (rule S28).
        return !isOneway && isFull ? .full : .open(load: load)
    }

    /// Gives a frame to the link of the agent in that slot, wherever it is.
    @inline(__always)
    func hand(_ header: RPCHeader, _ payload: UnsafeRawPointer, _ kind: Crossing.Kind, to slot: Int) {
        if peers[slot].loop == index {
            peers[slot].link?._withUnsafeGuaranteedRef { $0.append(header, payload) }
            return
        }
        cross(Crossing(kind, agent: peers[slot].id, count: header.length), to: peers[slot].loop) { target in
            header.store(to: target)
            (target + RPCHeader.size).copyMemory(from: payload, byteCount: header.payloadCount)
        }
        if kind == .request { peers.stage(header.length, for: slot) }
    }

    // MARK: - Calls that are given up

    /// The caller does not want the answer any more; nothing answers that.
    func cancel(_ header: RPCHeader, from caller: MemberLink) {
        guard header.identify == caller.node else {
            counters.security(.identity)
            return log.event("identity", "\(caller.shell.name) spoke for caller \(header.identify)")
        }
        guard let place = desk.cancelled(header.call, by: caller.id) else { return }
        counters.undelivered.add(.cancelled)
        sayCancel(place, rpc: header.rpc, identify: caller.node)
    }

    /// A caller's link is gone: its calls are cancelled.
    func forgetCalls(of caller: MemberLink) {
        for place in desk.left(caller: caller.id) {
            counters.undelivered.add(.cancelled)
            sayCancel(place, rpc: 0, identify: caller.node)
        }
    }

    func sayCancel(_ place: CallPlace, rpc: UInt32, identify: UInt64) {
        guard let slot = peers.slot(of: place.agent) else { return }
        let header = RPCHeader(.cancel, payloadCount: 0, rpc: rpc, identify: identify, call: HubCall.id(place.number, loop: index))
        withUnsafeBytes(of: 0) { empty in
            // Guard: an integer has an address; none of its bytes are read.
            hand(header, empty.baseAddress!, .cancel, to: slot)
        }
    }

    /// Calls whose time is over (rule S28).
    func expireCalls() {
        let tick = LinkLoop.tick(of: loop.eventLoop.now)
        while let (place, call) = desk.nextExpired(at: tick) {
            let identify = desk.node(of: call.asker) ?? 0
            sayCancel(place, rpc: call.rpc, identify: identify)
            answer(call, .deadline, identify: identify)
        }
    }
}
