package import Links
package import Logging
import Membership
package import NIOCore
import Routing
package import Telemetry
import Wire

/// A program's calls over its hubs: which hub takes each (rule S30), one outcome for each (rule S2), and the one retry that rule S3 allows.
///
/// `@unchecked Sendable`: confined to ``loop``'s event loop, except what never changes.
package final class CallerDesk: @unchecked Sendable {
    package let settings: CallerSettings
    package let loop: LinkLoop
    let log: EventLog
    let identify: UInt64
    @exclusivity(unchecked) var choice = HubChoice<CallerPort>()
    private(set) var ports: [CallerPort] = []
    @exclusivity(unchecked) private var draws = UInt64.random(in: 0 ... .max)
    @exclusivity(unchecked) package internal(set) var counters = Counters()
    private(set) var isLeaving = false
    private let memory: MemoryBudget.Share

    package struct Counters {
        package var answered = 0
        package var failed = CodeCounts()
        package var retried = 0
        package var late = 0
        package var closed = CodeCounts()
    }

    package init(_ settings: CallerSettings, eventLoop: any EventLoop, memory: MemoryBudget, logger: Logger) {
        self.settings = settings
        loop = LinkLoop(eventLoop: eventLoop)
        log = EventLog(logger)
        identify = settings.identifyID ?? UInt64.random(in: 1 ... .max)
        self.memory = memory.share()
        // The turn in which the last of it goes ends without it.
        loop.turnEnded = { [weak self] in self?.tellMemory() }
    }

    private func tellMemory() { memory.publish(loop.queuedBytes + loop.keptBytes) }

    // MARK: - Hubs

    /// Dials a hub from here on; done when the first attempt has ended.
    package func dial(_ address: SocketAddress, from source: AddressSource) -> EventLoopFuture<Void> {
        guard !isLeaving else { return loop.eventLoop.makeSucceededVoidFuture() }
        let hello = Hello(role: .caller, node: identify, token: settings.token, name: settings.name)
        let port = CallerPort(desk: self, address, from: source, rank: source.position << 32 | ports.count, hello: hello)
        ports.append(port)
        return port.hub.start()
    }

    /// Begins no new call; done when every open one has ended and every link is closed (rule S25).
    package func leave(within limit: TimeAmount) -> EventLoopFuture<Void> {
        isLeaving = true
        loop.enterTurn()
        // Ports and desk hold each other for as long as there are links.
        return EventLoopFuture.andAllComplete(ports.map { $0.hub.leave(within: limit) }, on: loop.eventLoop).map {
            for port in self.ports { port.retire() }
            self.ports = []
        }
    }

    /// The time for leaving is over: what is open is lost.
    package func cut() {
        loop.enterTurn()
        for port in ports { port.hub.cut() }
    }

    /// Calls that are open.
    package var open: Int { ports.reduce(0) { $0 + $1.openCalls } }

    // MARK: - Calls

    package func begin(_ call: HubCall) {
        loop.enterTurn()
        if case .withdrawn = call.state { return fail(call, HubCall.Failure(.cancelled, "withdrawn before it was sent")) }
        guard !isLeaving else { return fail(call, HubCall.Failure(.draining, "this caller is leaving")) }
        call.deadline = LinkLoop.tick(of: loop.now) + call.timeout / 10 + 1
        send(call, excluding: nil)
    }

    /// Nobody wants the answer any more: the hub is told.
    package func withdraw(_ call: HubCall) {
        switch call.state {
        case .new: call.state = .withdrawn
        case .open(let port, let number):
            loop.enterTurn()
            port.cancel(number, call)
            fail(call, HubCall.Failure(.cancelled, "withdrawn"))
        case .withdrawn, .ended: break
        }
    }

    private func send(_ call: HubCall, excluding: CallerPort?) {
        guard let port = choose(call, excluding: excluding) else {
            switch choice.absence {
            case .noHub: return fail(call, HubCall.Failure(.noPeer, "no hub is connected"))
            case .draining: return fail(call, HubCall.Failure(.draining, "every hub is leaving"))
            case .unlisted: return fail(call, HubCall.Failure(.noRoute, "no hub has an agent for RPC id \(call.rpc)"))
            }
        }
        if let refusal = port.send(call) { fail(call, refusal) }
    }

    private func choose(_ call: HubCall, excluding: CallerPort?) -> CallerPort? {
        let slot = call.shardingID == 0 ? draw() : Choice.slot(of: UInt64(bitPattern: call.shardingID))
        let first = choice.choose(call.rpc, slot: slot)
        guard let excluding, first === excluding else { return first }
        // Another one, if there is another: slots spread over all of them.
        for _ in 0..<64 {
            if let other = choice.choose(call.rpc, slot: draw()), other !== excluding { return other }
        }
        return nil
    }

    /// A random slot.
    private func draw() -> Int {
        draws &+= 0x9E37_79B9_7F4A_7C15
        return Choice.slot(of: draws)
    }

    // MARK: - Outcomes

    func answered(_ call: HubCall, _ reply: ProtoReply) {
        counters.answered += 1
        call.end(.success(reply))
    }

    /// A hub has said, or its death has, that there is no answer.
    func failed(_ call: HubCall, _ failure: HubCall.Failure, at port: CallerPort) {
        let mayRetry = [Code.noRoute, .draining, .neverSent].contains { $0.rawValue == failure.code }
        guard mayRetry, !call.isRetried, !isLeaving, call.deadline > LinkLoop.tick(of: loop.now), choose(call, excluding: port) != nil else {
            return fail(call, failure)
        }
        call.isRetried = true
        counters.retried += 1
        send(call, excluding: port)
    }

    func fail(_ call: HubCall, _ failure: HubCall.Failure) {
        counters.failed.add(raw: failure.code)
        call.end(.failure(failure))
    }
}
