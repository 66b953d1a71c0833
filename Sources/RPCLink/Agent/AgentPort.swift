import Links
import Logging
import Membership
import NIOCore
import Routing
import Telemetry
import Wire

/// One hub of an agent: what comes from it is taken on, and answered on the link that it came by.
///
/// `@unchecked Sendable`: confined to its desk's event loop.
final class AgentPort: HubLinkUser, @unchecked Sendable {
    private let desk: AgentDesk
    // Guard: set once in `init`.
    private(set) var hub: HubLink!
    /// Counts the connections; a call is answered on the one that it came by (rule S7).
    @exclusivity(unchecked) private(set) var epoch: UInt64 = 0
    /// Calls of this connection that run.
    @exclusivity(unchecked) var open = 0
    /// Their tickets by the hub's numbers, for CANCEL.
    @exclusivity(unchecked) private var tickets = NumberIndex<UInt64>()
    @exclusivity(unchecked) private var framing = RPCFraming(maxFrame: RPCHeader.defaultMaxFrame)
    private var isHubLeaving = false
    private var hasAnswered = false
    private var hasHubStopped = false
    private var isHeld = false
    /// Its hub is no longer listed.
    var isRetiring = false

    init(desk: AgentDesk, _ address: SocketAddress, from source: AddressSource, rank: Int, hello: Hello) {
        self.desk = desk
        hub = HubLink(address, from: source, rank: rank, hello: hello, wire: RPCHubWire(), on: desk.loop, user: self)
    }

    /// The largest frame that the hub takes.
    var maxFrame: Int { framing.maxFrame }

    // MARK: - Up and down

    func hubIsUp(_ hub: HubLink, _ welcome: Welcome) {
        framing = RPCFraming(maxFrame: min(Int(welcome.maxFrame), RPCHeader.largestFrame))
        (isHubLeaving, hasAnswered, hasHubStopped, isHeld) = (false, false, false, false)
    }

    /// What callers can reach is nothing to an agent.
    func hub(_ hub: HubLink, reaches peers: Peers) {}

    func hubIsDown(_ hub: HubLink, _ code: Code) {
        desk.counters.closed.add(code)
        let gone = tickets.values
        epoch += 1
        open = 0
        tickets = NumberIndex()
        for ticket in gone { desk.abandon(ticket) }
    }

    /// Answers that did not leave are nobody's: the hub has told its callers (rule S7).
    func hub(_ hub: HubLink, left remains: Remains) {}

    func hub(_ hub: HubLink, event kind: String, level: Logger.Level, _ message: String) { desk.log.event(kind, level: level, message) }

    // MARK: - In

    func hub(_ hub: HubLink, on link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        guard let base = bytes.baseAddress else { return Consumed(bytes: 0, needed: RPCHeader.size) }
        var offset = 0
        defer { desk.counters.bytesIn += offset }
        while link.isOpen, !link.isPaused {
            switch framing.step(UnsafeRawBufferPointer(start: base + offset, count: bytes.count - offset)) {
            case .frame(let header):
                let payload = base + offset + RPCHeader.size
                offset += header.length
                if header.kind == RPCKind.request.rawValue { desk.request(header, payload, from: self) } else { heard(header, payload) }
            case .discard(let count): offset += count
            case .tooLarge(let header):
                if header.kind == RPCKind.request.rawValue {
                    refuse(header, .tooLarge, "a frame of \(header.length) bytes; at most \(maxFrame)")
                }
            case .incomplete(let needed): return Consumed(bytes: offset, needed: needed)
            case .malformed(let error): hub.violated(error.description)
            }
        }
        return Consumed(bytes: link.isOpen ? offset : bytes.count, needed: RPCHeader.size)
    }

    private func heard(_ header: RPCHeader, _ payload: UnsafeRawPointer) {
        let bytes = UnsafeRawBufferPointer(start: payload, count: header.payloadCount)
        switch RPCKind(rawValue: header.kind) {
        case .cancel: if let ticket = tickets[header.call] { desk.abandon(ticket) }
        case .ping: pong(header, bytes)
        case .pong: break
        case .welcome, .reject, .drain, .peers: if let kind = ControlType(rpcKind: header.kind) { _ = hub.hear(kind, bytes) }
        case .undelivered: desk.counters.ignored += 1
        case .hello, .request, .reply:
            desk.counters.security[SecurityKind.kind.rawValue] += 1
            desk.log.event("kind", "\(hub.name) sent kind \(header.kind), which is not for a hub to say; ignored")
        case nil: desk.counters.ignored += 1
        }
    }

    private func pong(_ header: RPCHeader, _ bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= Ping.maxBody else { return refuse(header, .badRequest, "PING over \(Ping.maxBody) bytes") }
        var pong = header
        pong.kind = RPCKind.pong.rawValue
        write(pong.length) { target in
            pong.store(to: target)
            if let start = bytes.baseAddress { (target + RPCHeader.size).copyMemory(from: start, byteCount: bytes.count) }
        }
    }

    // MARK: - Open calls

    /// Notes a call under the hub's number; false when that is open already.
    @inline(__always)
    func note(_ call: UInt64, _ ticket: UInt64) -> Bool { tickets.insert(call, ticket) }

    /// A call of this connection has ended.
    @inline(__always)
    func ended(_ header: RPCHeader) {
        if !header.isOneway { tickets.remove(header.call) }
        open -= 1
    }

    // MARK: - Out

    @inline(__always)
    func reply(to request: RPCHeader, result: Int64, type: Int32, content: UnsafeRawBufferPointer) {
        let header = RPCHeader(
            .reply, payloadCount: ProtoReply.leastPayload + content.count, rpc: request.rpc, identify: request.identify, call: request.call)
        write(header.length) { target in
            header.store(to: target)
            let payload = target + RPCHeader.size
            payload.storeBytes(of: result.bigEndian, as: Int64.self)
            (payload + 8).storeBytes(of: type.bigEndian, as: Int32.self)
            if let start = content.baseAddress { (payload + ProtoReply.leastPayload).copyMemory(from: start, byteCount: content.count) }
        }
    }

    /// Says UNDELIVERED in place of an answer; a oneway call that is dropped is only counted.
    func refuse(_ request: RPCHeader, _ code: Code, _ reason: @autoclosure () -> String) {
        desk.counters.refused.add(code)
        guard !request.isOneway else { return }
        let frame = RPCUndelivered(
            code: code.rawValue, rpc: request.rpc, identify: request.identify, call: request.call, reason: "\(code.name): \(reason())")
        write(frame.header.length) { frame.store(to: $0) }
    }

    @inline(__always)
    private func write(_ count: Int, _ fill: (UnsafeMutableRawPointer) -> Void) {
        guard let link = hub.link else { return }
        link.append(count, fill)
        desk.counters.bytesOut += count
        // A hub that does not read is not read either, so that its calls do not fill its own queue (rule S13).
        if link.queued > desk.settings.highWater, !isHeld { hold(link) }
    }

    private func hold(_ link: Link) {
        isHeld = true
        link.resumeMark = desk.settings.highWater / 2
        link.pauseReading()
    }

    func hubDrained(_ hub: HubLink, _ link: Link) {
        link.resumeMark = nil
        guard isHeld else { return }
        isHeld = false
        link.resumeReading()
    }

    // MARK: - Leaving (rule S25)

    func hubIsLeaving(_ hub: HubLink) {
        isHubLeaving = true
        settle()
    }

    func hubHasStopped(_ hub: HubLink) {
        hasHubStopped = true
        settle()
    }

    /// The last answer may have been written: what that lets follow comes behind it.
    @inline(__always)
    func settle() {
        if open == 0, isHubLeaving || hasHubStopped { settled() }
    }

    private func settled() {
        desk.loop.enterTurn()
        if isHubLeaving, !hasAnswered {
            hasAnswered = true
            hub.answeredEverything()
        }
        if hasHubStopped { hub.done() }
    }
}
