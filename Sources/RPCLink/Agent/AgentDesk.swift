package import Links
package import Logging
import Membership
package import NIOCore
import Routing
package import Telemetry
package import Wire

/// The calls that an agent runs, for all of its hubs: exactly one answer for each that is not oneway, on the link that it came by
/// (rules S7, S28). Knows neither Thrift nor functions: that is its ``AgentWorker``.
///
/// `@unchecked Sendable`: confined to ``loop``'s event loop, except what never changes.
package final class AgentDesk: @unchecked Sendable {
    /// What it goes by now; a reload gives it another.
    @exclusivity(unchecked) package private(set) var settings: AgentSettings
    package let loop: LinkLoop
    package let log: EventLog
    let node: UInt64
    /// Owns the desk; a link may outlive both for a moment.
    private weak var worker: (any AgentWorker)?
    private(set) var ports: [AgentPort] = []
    /// Of hubs that are no longer listed.
    private(set) var pastRedials: [String: Int] = [:]
    @exclusivity(unchecked) private var calls = Slab<TakenCall>(.wide)
    @exclusivity(unchecked) package internal(set) var counters = AgentCounters()
    /// Calls that run, oneway ones apart: each kind has the whole window (rule S28).
    @exclusivity(unchecked) package private(set) var running = 0
    @exclusivity(unchecked) private var runningOneway = 0
    private let memory: MemoryBudget.Share
    private var isLeaving = false

    private struct TakenCall {
        let port: AgentPort
        /// The port's connection that it came by; it is answered on no other.
        let epoch: UInt64
        let header: RPCHeader
        let started: NIODeadline
        var isAbandoned = false
    }

    package init(_ settings: AgentSettings, eventLoop: any EventLoop, worker: any AgentWorker, memory: MemoryBudget, logger: Logger) {
        self.settings = settings
        self.worker = worker
        loop = LinkLoop(eventLoop: eventLoop)
        log = EventLog(logger)
        node = settings.node ?? UInt64.random(in: 1 ... .max)
        self.memory = memory.share()
        // The turn in which the last of it goes ends without it.
        loop.turnEnded = { [weak self] in self?.tellMemory() }
    }

    private func tellMemory() { memory.publish(loop.queuedBytes + loop.keptBytes + (worker?.heldBytes ?? 0)) }

    // MARK: - Hubs

    /// Dials a hub from here on; done when the first attempt has ended.
    package func dial(_ address: SocketAddress, from source: AddressSource) -> EventLoopFuture<Void> {
        guard !isLeaving else { return loop.eventLoop.makeSucceededVoidFuture() }
        let hello = Hello(
            role: .agent, node: node, window: UInt32(clamping: settings.concurrency), claims: claims, token: settings.token, name: settings.name)
        let port = AgentPort(desk: self, address, from: source, rank: source.position << 32 | ports.count, hello: hello)
        ports.append(port)
        return port.hub.start()
    }

    private var claims: [Claim] { settings.rpcIDs.map { Claim($0.lowerBound, $0.upperBound) } }

    // MARK: - Reload (rule S26)

    /// Goes by other settings from here on: hubs that are up are told other ids and another window; what else HELLO shows goes with the next one.
    package func take(_ next: AgentSettings) {
        loop.enterTurn()
        let isTold = next.rpcIDs != settings.rpcIDs || next.concurrency != settings.concurrency
        settings = next
        for port in ports {
            port.hub.show(token: next.token, name: next.name)
            if isTold, !port.isRetiring { port.hub.claim(claims, window: UInt32(clamping: next.concurrency)) }
        }
    }

    /// Takes leave of hubs that are no longer listed: what came from them is answered first.
    package func retireHubs() {
        loop.enterTurn()
        for port in ports where port.hub.isRetired && !port.isRetiring {
            port.isRetiring = true
            let cut = loop.eventLoop.scheduleTask(in: AgentDesk.retiringTime) { port.hub.cut() }
            port.hub.leave(within: AgentDesk.retiringTime).whenComplete { _ in
                cut.cancel()
                self.pastRedials[port.hub.address.text, default: 0] += port.hub.redials
                self.ports.removeAll { $0 === port }
            }
        }
    }

    /// What a hub has to answer our DRAIN.
    private static var retiringTime: TimeAmount { .seconds(30) }

    // MARK: - Leaving

    /// Says DRAIN to every hub; done when every link is closed, which it is once all that came is answered (rule S25).
    package func leave(within limit: TimeAmount) -> EventLoopFuture<Void> {
        isLeaving = true
        loop.enterTurn()
        // Ports and desk hold each other for as long as there are links.
        return EventLoopFuture.andAllComplete(ports.map { $0.hub.leave(within: limit) }, on: loop.eventLoop).map { self.ports = [] }
    }

    /// The time for leaving is over.
    package func cut() {
        loop.enterTurn()
        for port in ports { port.hub.cut() }
    }

    // MARK: - Calls

    @inline(__always)
    func request(_ header: RPCHeader, _ payload: UnsafeRawPointer, from port: AgentPort) {
        guard header.payloadCount >= ProtoRequest.leastPayload else {
            return port.refuse(header, .badRequest, "a REQUEST of \(header.payloadCount) bytes; at least \(ProtoRequest.leastPayload)")
        }
        let isFull = (header.isOneway ? runningOneway : running) >= settings.concurrency
        guard !isFull, !memory.budget.isExceeded else {
            return port.refuse(header, .busy, isFull ? "\(settings.concurrency) calls run already" : "its queues hold more than memory allows")
        }
        guard let worker else { return port.refuse(header, .draining, "the agent has stopped") }
        guard let ticket = calls.insert(TakenCall(port: port, epoch: port.epoch, header: header, started: loop.now)) else {
            return port.refuse(header, .busy, "no place for another open call")
        }
        guard header.isOneway || port.note(header.call, ticket) else {
            _ = calls.remove(ticket)
            return port.refuse(header, .badRequest, "call \(header.call) is open")
        }
        port.open += 1
        if header.isOneway { runningOneway += 1 } else { running += 1 }
        worker.begin(AgentCall(header, payload: payload), ticket)
    }

    /// The hub does not want the answer any more (rule S28): the call goes on, and is answered `cancelled` when it ends.
    func abandon(_ ticket: UInt64) {
        guard calls[ticket]?.isAbandoned == false else { return }
        calls[ticket]?.isAbandoned = true
        worker?.abandoned(ticket)
    }

    /// Milliseconds since the oldest call that runs came; 0 while none does.
    package var oldestCall: Int {
        var oldest = 0
        let now = loop.eventLoop.now
        calls.visit { _, call in oldest = max(oldest, Int((now - call.started).nanoseconds / 1_000_000)) }
        return oldest
    }

    /// Whether an answer to it would be passed on.
    package func isWanted(_ ticket: UInt64) -> Bool {
        guard let call = calls[ticket] else { return false }
        return !call.isAbandoned && call.epoch == call.port.epoch
    }

    // MARK: - Answers

    /// Tells a call's answer.
    package func answer(_ ticket: UInt64, result: Int64, type: Int32, content: UnsafeRawBufferPointer) {
        guard let call = end(ticket) else { return }
        defer { call.port.settle() }
        let count = RPCHeader.size + ProtoReply.leastPayload + content.count
        if call.isAbandoned { return call.port.refuse(call.header, .cancelled, "the caller has withdrawn it") }
        guard count <= call.port.maxFrame else {
            return call.port.refuse(call.header, .tooLarge, "an answer of \(content.count) bytes is over the hub's frame limit")
        }
        counters.answered += 1
        call.port.reply(to: call.header, result: result, type: type, content: content)
    }

    package func answer(_ ticket: UInt64, _ reply: ProtoReply) {
        reply.content.withUnsafeReadableBytes { answer(ticket, result: reply.result, type: reply.type, content: $0) }
    }

    /// Tells why a call has no answer.
    package func refuse(_ ticket: UInt64, _ code: Code, _ reason: @autoclosure () -> String) {
        guard let call = end(ticket) else { return }
        defer { call.port.settle() }
        if call.isAbandoned { return call.port.refuse(call.header, .cancelled, "the caller has withdrawn it") }
        call.port.refuse(call.header, code, reason())
    }

    /// Takes a call out. Nil when nobody hears of it: it was oneway, or came by a connection that is gone (rule S7).
    private func end(_ ticket: UInt64) -> TakenCall? {
        guard let call = calls.remove(ticket) else { return nil }
        loop.enterTurn()
        if call.header.isOneway { runningOneway -= 1 } else { running -= 1 }
        guard call.epoch == call.port.epoch else {
            if !call.header.isOneway { counters.late += 1 }
            return nil
        }
        call.port.ended(call.header)
        guard !call.header.isOneway else {
            counters.answered += 1
            call.port.settle()
            return nil
        }
        return call
    }
}

/// What an agent counts.
package struct AgentCounters {
    /// Calls that were answered, oneway ones included.
    package var answered = 0
    /// Calls that were not, by what their hub was told; oneway calls that were dropped are among them.
    package var refused = CodeCounts()
    /// Answers to calls whose hub is gone.
    package var late = 0
    /// Frames of unknown kinds.
    package var ignored = 0
    package var security = [Int](repeating: 0, count: SecurityKind.allCases.count)
    package var closed = CodeCounts()
    package var bytesIn = 0
    package var bytesOut = 0
}
