public import Links
public import Logging
public import NIOCore
import RPCLink
import Synchronization
public import Telemetry
import ThriftLink

/// The RPC agent role (part 8 of the old fleet: `cluster_old_rpc`): listens on nothing; dials RPC hubs, registers RPC ids, makes each call that
/// comes from there on a Thrift server that knows nothing of it, and answers on the connection that the call came by (rules S28, S29).
///
/// Everything of it lives on one event loop: an agent stands beside its Thrift servers, and several share the calls of an id.
public final class RPCAgent: ProcessRole {
    public let role = "rpcAgent"
    let logger: Logger
    let eventLoop: any EventLoop
    let worker: ThriftWorker
    let state: Mutex<State>

    struct State {
        /// What the agent goes by now.
        var settings: RPCAgentSettings
        var book: AddressBook?
        var phase = "serving"
    }

    /// - Parameters:
    ///   - group: one of its event loops serves the agent.
    ///   - memory: the bound on the queues of the whole process.
    public init(_ settings: RPCAgentSettings, group: any EventLoopGroup, memory: MemoryBudget, logger: Logger) {
        state = Mutex(State(settings: settings))
        self.logger = logger
        eventLoop = group.next()
        worker = ThriftWorker(settings, eventLoop: eventLoop, memory: memory, logger: logger)
    }

    // MARK: - Start and stop

    /// Dials the Thrift servers, then the hubs; returns when the first attempt of each has ended (rule S18).
    /// - Returns: nothing: an agent listens nowhere.
    public func start() async throws -> [RoleStatus.Listener] {
        let (worker, eventLoop, logger) = (worker, eventLoop, logger)
        let settings = state.withLock { $0.settings }
        let security = try settings.agent.tls.map { try DialerSecurity($0, logger: logger) }
        let upstreamSecurity = try settings.upstream.tls.map { try DialerSecurity($0, logger: logger) }
        try? await eventLoop.flatSubmit { worker.pool.start(security: upstreamSecurity) }.get()
        let book = AddressBook(settings.agent.hubs, security: security, on: eventLoop) { address, source in
            try? await eventLoop.flatSubmit { worker.desk.dial(address, from: source) }.get()
        } unresolved: { endpoint, error in
            logger.warning("hub \(endpoint): \(describe(error)); trying again")
        }
        state.withLock { $0.book = book }
        await book.start()
        return []
    }

    /// Says DRAIN to every hub, answers what is open, closes; then the Thrift servers' connections (rule S25).
    public func drain(within limit: Duration, atOnce: Bool) async {
        let book = state.withLock { state in
            state.phase = "draining"
            return state.book
        }
        book?.stop()
        let (worker, eventLoop) = (worker, eventLoop)
        let time = TimeAmount(limit)
        let cut = eventLoop.scheduleTask(in: time) {
            worker.desk.log.event("cut", "drainTimeout has passed; cutting what is left")
            worker.desk.cut()
            worker.cut()
        }
        try? await eventLoop.flatSubmit { worker.desk.leave(within: time) }.get()
        try? await eventLoop.flatSubmit { worker.leave() }.get()
        cut.cancel()
        state.withLock { $0.phase = "stopped" }
    }

    // MARK: - Inspection

    public func samples() async -> [Sample] {
        let (worker, role) = (worker, role)
        let phase = state.withLock { $0.phase }
        let numbers = try? await eventLoop.submit { worker.desk.samples(role: role) + worker.samples(role: role) }.get()
        return [Sample(.draining, role, value: phase == "serving" ? 0 : 1)] + (numbers ?? [])
    }

    public func status() async -> RoleStatus {
        let worker = worker
        let peers = (try? await eventLoop.submit { worker.desk.peers + worker.peers }.get()) ?? []
        let up = peers.count { $0.route == "hubs" && ($0.state == "up" || $0.state == "draining") }
        return RoleStatus(role: role, state: state.withLock { $0.phase }, listeners: [], links: up, peers: peers)
    }
}

extension ThriftWorker {
    fileprivate func samples(role: String) -> [Sample] { past.samples + retired.flatMap { samples(of: $0) } + samples(of: pool) }

    func samples(of pool: UpstreamPool) -> [Sample] {
        let (role, upstream) = ("rpcAgent", Side.upstream.rawValue)
        return [
            Sample(.linksOpen, role, upstream, value: pool.linksOpen),
            Sample(.queueBytes, role, upstream, value: pool.queuedBytes),
            Sample(.lateAnswers, role, value: pool.counters.lateAnswers),
            Sample(.upstreamSeconds, role, upstream, distribution: pool.counters.upstream),
        ] + pool.counters.closed.labelled.map { Sample(.linksClosed, role, upstream, $0.0, value: $0.1) }
            + pool.counters.reconnects.map { Sample(.reconnects, role, $0.key, value: $0.value) }
    }

    fileprivate var peers: [RoleStatus.Peer] {
        ([pool!] + retired).flatMap(\.peers).map {
            RoleStatus.Peer(route: "upstream", address: $0.address, state: $0.state, queuedBytes: $0.queuedBytes)
        }
    }
}
