import Links
import Logging
import Membership
import NIOCore
import Routing
import Telemetry
import Wire

/// One hub of a caller: the calls that are open there, found by the number that goes with them.
///
/// `@unchecked Sendable`: confined to its desk's event loop.
final class CallerPort: HubLinkUser, TimerTarget, @unchecked Sendable {
    private let desk: CallerDesk
    // Guard: set once in `init`.
    private(set) var hub: HubLink!
    /// A number is used once: a slot that is used again has another generation. So an answer whose number is not here is a late one.
    @exclusivity(unchecked) private var pending = Pending<HubCall>(.wide)
    @exclusivity(unchecked) private var framing = RPCFraming(maxFrame: RPCHeader.defaultMaxFrame)
    private let timer = LoopTimer()
    private var armedTick = Int.max
    private var onewayNumbers: UInt64 = 1 << 63
    /// Calls of a link that is down, until it tells what was never written.
    private var stranded: [(number: UInt64, call: HubCall)] = []
    private var hasHubStopped = false
    private let rank: Int

    init(desk: CallerDesk, _ address: SocketAddress, from source: AddressSource, rank: Int, hello: Hello) {
        self.desk = desk
        self.rank = rank
        hub = HubLink(address, from: source, rank: rank, hello: hello, wire: RPCHubWire(), on: desk.loop, user: self)
        timer.aim(at: self)
    }

    var openCalls: Int { pending.count }

    // MARK: - Up and down

    func hubIsUp(_ hub: HubLink, _ welcome: Welcome) {
        framing = RPCFraming(maxFrame: min(Int(welcome.maxFrame), RPCHeader.largestFrame))
        hasHubStopped = false
        if desk.choice.welcome(self, id: welcome.hub, rank: rank) {
            desk.log.event(
                "double", level: .error, "\(hub.name) has the hub id of another live hub: \(welcome.hub); only the first in the list is used")
        }
    }

    func hub(_ hub: HubLink, reaches peers: Peers) { desk.choice.reach(HubChoice.Reach(peers), rank: rank) }

    func hubIsDown(_ hub: HubLink, _ code: Code) {
        desk.counters.closed.add(code)
        desk.choice.remove(rank: rank)
        stranded += pending.removeAll().map { ($0.number, $0.call) }
    }

    /// What was never written goes over another hub, once; the rest may have been processed (rules S2, S3).
    func hub(_ hub: HubLink, left remains: Remains) {
        var unwritten: Set<UInt64> = []
        for block in remains.held { unwritten.formUnion(CallerPort.requests(in: block)) }
        let calls = stranded
        stranded = []
        for (number, call) in calls {
            let code: Code = unwritten.contains(number) ? .neverSent : .lost
            let what = code == .lost ? "the link to \(hub.name) was lost" : "the link to \(hub.name) was lost before the call was written"
            desk.failed(call, HubCall.Failure(code, what), at: self)
        }
    }

    private static func requests(in block: ByteBuffer) -> [UInt64] {
        block.withUnsafeReadableBytes { bytes in
            var numbers: [UInt64] = []
            var offset = 0
            // Guard: a block holds whole frames that this side wrote.
            while bytes.count - offset >= RPCHeader.size, let base = bytes.baseAddress {
                let header = RPCHeader(at: base + offset)
                if header.kind == RPCKind.request.rawValue { numbers.append(header.call) }
                offset += header.length
            }
            return numbers
        }
    }

    func hub(_ hub: HubLink, event kind: String, level: Logger.Level, _ message: String) { desk.log.event(kind, level: level, message) }

    // MARK: - Out

    /// Sends a call; why not, otherwise.
    func send(_ call: HubCall) -> HubCall.Failure? {
        let count = RPCHeader.size + call.request.payloadCount
        guard count <= framing.maxFrame else { return HubCall.Failure(.tooLarge, "a frame of \(count) bytes; the hub takes \(framing.maxFrame)") }
        guard let link = hub.link, link.queued + count <= desk.settings.maxPending else {
            return HubCall.Failure(.busy, "the queue toward \(hub.name) is full")
        }
        let number: UInt64
        if call.isOneway {
            onewayNumbers += 1
            number = onewayNumbers
        } else {
            guard pending.count < desk.settings.window, let opened = pending.open(call, deadline: call.deadline) else {
                return HubCall.Failure(.busy, "\(desk.settings.window) calls are open at \(hub.name)")
            }
            number = opened
            call.state = .open(self, number)
            arm()
        }
        let left = max((call.deadline - 1 - LinkLoop.tick(of: desk.loop.now)) * 10, 1)
        let header = RPCHeader(
            .request, payloadCount: call.request.payloadCount, oneway: call.isOneway, rpc: call.rpc, timeoutMilliseconds: UInt32(clamping: left),
            identify: desk.identify, call: number)
        link.append(count) { target in
            header.store(to: target)
            let payload = target + RPCHeader.size
            payload.storeBytes(of: call.request.type.bigEndian, as: Int32.self)
            (payload + 4).storeBytes(of: call.shardingID.bigEndian, as: Int64.self)
            call.request.content.withUnsafeReadableBytes { content in
                if let start = content.baseAddress { (payload + ProtoRequest.leastPayload).copyMemory(from: start, byteCount: content.count) }
            }
        }
        if call.isOneway { desk.answered(call, ProtoReply()) }
        return nil
    }

    /// The caller does not want it any more. Nothing answers CANCEL, so nothing is kept; an answer that is on its way finds no call.
    func cancel(_ number: UInt64, _ call: HubCall) {
        guard pending.retract(number) != nil else { return }
        sayCancel(number, call)
        settle()
    }

    private func sayCancel(_ number: UInt64, _ call: HubCall) {
        let header = RPCHeader(.cancel, payloadCount: 0, rpc: call.rpc, identify: desk.identify, call: number)
        hub.link?.append(RPCHeader.size) { header.store(to: $0) }
    }

    private func arm() {
        guard pending.nextDue < armedTick else { return }
        armedTick = pending.nextDue
        desk.loop.arm(timer, at: .uptimeNanoseconds(UInt64(armedTick) * 10_000_000))
    }

    func timerFired(_ timer: LoopTimer) {
        armedTick = .max
        let tick = LinkLoop.tick(of: desk.loop.eventLoop.now)
        while let (number, call) = pending.nextExpired(at: tick) {
            // As with CANCEL: no tombstone.
            _ = pending.answered(number)
            sayCancel(number, call)
            desk.fail(call, HubCall.Failure(.deadline, "no answer within \(call.timeout) ms"))
        }
        if pending.nextDue != Pending<HubCall>.never { arm() }
        settle()
    }

    // MARK: - In

    func hub(_ hub: HubLink, on link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        guard let base = bytes.baseAddress else { return Consumed(bytes: 0, needed: RPCHeader.size) }
        var offset = 0
        while link.isOpen {
            switch framing.step(UnsafeRawBufferPointer(start: base + offset, count: bytes.count - offset)) {
            case .frame(let header):
                let payload = UnsafeRawBufferPointer(start: base + offset + RPCHeader.size, count: header.payloadCount)
                offset += header.length
                heard(header, payload)
            case .discard(let count): offset += count
            case .tooLarge(let header):
                end(header.call, HubCall.Failure(.tooLarge, "an answer of \(header.length) bytes; at most \(framing.maxFrame)"))
            case .incomplete(let needed): return Consumed(bytes: offset, needed: needed)
            case .malformed(let error): hub.violated(error.description)
            }
        }
        return Consumed(bytes: bytes.count, needed: RPCHeader.size)
    }

    private func heard(_ header: RPCHeader, _ payload: UnsafeRawBufferPointer) {
        switch RPCKind(rawValue: header.kind) {
        case .reply:
            guard let reply = try? ProtoReply(payload: ByteBuffer(bytes: payload)) else {
                return end(header.call, HubCall.Failure(.protocol, "a REPLY of \(payload.count) bytes"))
            }
            guard case .call(let call) = pending.answered(header.call) else {
                desk.counters.late += 1
                return
            }
            desk.answered(call, reply)
            settle()
        case .undelivered:
            let report = try? Reject(body: ByteBuffer(bytes: payload), format: .standard)
            end(header.call, report.map { HubCall.Failure(code: $0.code, reason: $0.reason) } ?? HubCall.Failure(.protocol, "a broken UNDELIVERED"))
        case .ping:
            var pong = header
            pong.kind = RPCKind.pong.rawValue
            hub.link?.append(pong.length) { target in
                pong.store(to: target)
                if let start = payload.baseAddress { (target + RPCHeader.size).copyMemory(from: start, byteCount: payload.count) }
            }
        case .welcome, .reject, .drain, .peers: if let kind = ControlType(rpcKind: header.kind) { _ = hub.hear(kind, payload) }
        case .pong, .hello, .request, .cancel, nil: break
        }
    }

    private func end(_ number: UInt64, _ failure: HubCall.Failure) {
        if number > 1 << 63 { return desk.counters.failed.add(raw: failure.code) }
        guard case .call(let call) = pending.answered(number) else {
            desk.counters.late += 1
            return
        }
        desk.failed(call, failure, at: self)
        settle()
    }

    func hubDrained(_ hub: HubLink, _ link: Link) {}

    // MARK: - Leaving (rule S25)

    /// Nothing new goes there from here on, and that is said at once; what is open is still answered.
    func hubIsLeaving(_ hub: HubLink) {
        desk.choice.drain(rank: rank)
        hub.answeredEverything()
    }

    func hubHasStopped(_ hub: HubLink) {
        hasHubStopped = true
        settle()
    }

    /// It goes for good. The ring knows its timer by address only.
    func retire() { desk.loop.cancel(timer) }

    private func settle() {
        if hasHubStopped, pending.count == 0 { hub.done() }
    }
}
