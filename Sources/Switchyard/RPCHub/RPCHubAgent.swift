public import Links
public import Logging
public import NIOCore
public import RPCLink
public import ServiceLifecycle
import Synchronization
public import Telemetry
public import Wire

/// Serves a Swift function to whoever calls its RPC ids through RPC hubs: an agent with nothing behind it.
///
/// ```swift
/// let agent = RPCHubAgent(AgentSettings(hubs: [.host("10.0.0.9", port: 7401)], rpcIDs: [10...19])) { request in
///     ProtoReply(type: request.type, content: request.content)
/// }
/// try await agent.run()
/// ```
///
/// Calls run concurrently, at most the settings' `concurrency` at once. When nobody wants an answer any more (deadline, CANCEL, the hub
/// is gone), the function's task is cancelled. What it throws reaches the caller: an ``RPCError`` with its code, a ``ThriftException`` as
/// `remoteException`, anything else as `internal`, its details in the log only.
public final class RPCHubAgent: Service, Inspectable {
    /// What answers calls.
    public typealias Handler = @Sendable (ProtoRequest) async throws -> ProtoReply

    /// What it was told.
    public let settings: AgentSettings
    /// What it is called in labels and logs: the settings' name.
    public let role: String
    private let logger: Logger
    private let worker: FunctionWorker
    private let state = Mutex(State())

    private struct State {
        var book: AddressBook?
        var phase = "serving"
    }

    /// An agent that has not been started.
    /// - Parameters:
    ///   - settings: its hubs, its RPC ids, and how many calls it takes.
    ///   - group: one of its event loops serves the links; handlers run on Swift's own threads.
    ///   - memory: the bound on its queues, which may be shared with others of the process.
    ///   - logger: hears what an operator should.
    ///   - handler: answers the calls.
    public init(
        _ settings: AgentSettings, group: any EventLoopGroup = EventLoops.shared,
        memory: MemoryBudget = MemoryBudget(limit: 1 << 30), logger: Logger = Logger(label: "agent"), handler: @escaping Handler
    ) {
        self.settings = settings
        self.logger = logger
        role = settings.name
        worker = FunctionWorker(settings, eventLoop: group.next(), memory: memory, logger: logger, handler: handler)
    }

    /// Dials the hubs and serves; returns when the first attempt of each has ended (rule S18).
    /// - Throws: one clear line when a TLS file does not fit.
    public func start() async throws {
        let (desk, logger) = (worker.desk as AgentDesk, logger)
        let security = try settings.tls.map { try DialerSecurity($0, logger: logger) }
        let book = AddressBook(settings.hubs, security: security, on: desk.loop.eventLoop) { address, source in
            try? await desk.loop.eventLoop.flatSubmit { desk.dial(address, from: source) }.get()
        } unresolved: { endpoint, error in
            logger.warning("hub \(endpoint): \(describe(error)); trying again")
        }
        state.withLock { $0.book = book }
        await book.start()
    }

    /// Gets nothing new, answers what it has, and closes; after `limit` the rest is cut (rule S25).
    public func stop(within limit: Duration = .seconds(30)) async {
        let (isOver, book) = state.withLock { state in
            let isOver = state.phase == "stopped"
            if !isOver { state.phase = "draining" }
            return (isOver, state.book)
        }
        // Its event loop may be gone.
        guard !isOver else { return }
        book?.stop()
        let desk: AgentDesk = worker.desk
        let time = TimeAmount(limit)
        let cut = desk.loop.eventLoop.scheduleTask(in: time) { desk.cut() }
        try? await desk.loop.eventLoop.flatSubmit { desk.leave(within: time) }.get()
        cut.cancel()
        worker.close()
        state.withLock { $0.phase = "stopped" }
    }

    /// Serves until a graceful shutdown, or until the task is cancelled; then leaves in order.
    public func run() async throws {
        try await start()
        try? await gracefulShutdown()
        await stop()
    }

    // MARK: - Inspection

    /// Every number of the agent, now.
    public func samples() async -> [Sample] {
        let (desk, role) = (worker.desk as AgentDesk, role)
        return (try? await desk.loop.eventLoop.submit { desk.samples(role: role) }.get()) ?? []
    }

    /// What the agent is doing: its hubs are its peers.
    public func status() async -> RoleStatus {
        let desk: AgentDesk = worker.desk
        let peers = (try? await desk.loop.eventLoop.submit { desk.peers }.get()) ?? []
        let up = peers.count { $0.state == "up" || $0.state == "draining" }
        return RoleStatus(role: role, state: state.withLock { $0.phase }, listeners: [], links: up, peers: peers)
    }
}
