public import Links
public import Logging
public import NIOCore
public import RPCLink
public import ServiceLifecycle
import Synchronization
public import Telemetry
public import Wire

/// Calls functions by RPC id through RPC hubs: whoever serves them need not be known, only the hubs.
///
/// ```swift
/// let caller = RPCHubCaller(CallerSettings(hubs: [.host("10.0.0.9", port: 7400)]))
/// try await caller.start()
/// let reply = try await caller.call(rpcID: 10, request: ProtoRequest(type: 1, content: ByteBuffer(string: "hello")))
/// ```
///
/// Every call has exactly one outcome. Calls with a sharding id take the hub, and there the agent, that the choice function gives (rules S19,
/// S30); a call that a hub says it did not pass on (`noRoute`, `draining`, `neverSent`) is tried once on another hub (rule S3). Cancelling the
/// task withdraws the call: the agent hears of it.
public final class RPCHubCaller: Service, Inspectable {
    /// What it was told.
    public let settings: CallerSettings
    /// What it is called in labels and logs: the settings' name.
    public let role: String
    private let logger: Logger
    private let desk: CallerDesk
    private let jobs: CallerJobs
    private let state = Mutex(State())

    private struct State {
        var book: AddressBook?
        var phase = "serving"
    }

    /// A caller that has not been started.
    /// - Parameters:
    ///   - settings: its hubs, and what it tells them.
    ///   - group: one of its event loops serves the links.
    ///   - memory: the bound on its queues, which may be shared with others of the process.
    ///   - logger: hears what an operator should.
    public init(
        _ settings: CallerSettings, group: any EventLoopGroup = EventLoops.shared,
        memory: MemoryBudget = MemoryBudget(limit: 1 << 30), logger: Logger = Logger(label: "caller")
    ) {
        self.settings = settings
        self.logger = logger
        role = settings.name
        let desk = CallerDesk(settings, eventLoop: group.next(), memory: memory, logger: logger)
        self.desk = desk
        jobs = CallerJobs(desk)
    }

    // MARK: - Start and stop

    /// Dials the hubs; returns when the first attempt of each has ended (rule S18). Calls fail with `noPeer` while no hub is up.
    /// - Throws: one clear line when a TLS file does not fit.
    public func start() async throws {
        let (desk, logger) = (desk, logger)
        let security = try settings.tls.map { try DialerSecurity($0, logger: logger) }
        let book = AddressBook(settings.hubs, security: security, on: desk.loop.eventLoop) { address, source in
            try? await desk.loop.eventLoop.flatSubmit { desk.dial(address, from: source) }.get()
        } unresolved: { endpoint, error in
            logger.warning("hub \(endpoint): \(describe(error)); trying again")
        }
        state.withLock { $0.book = book }
        await book.start()
    }

    /// Begins no new call, waits for those that are open, and closes; after `limit` what is left is `lost` (rule S25).
    public func stop(within limit: Duration = .seconds(30)) async {
        let (isOver, book) = state.withLock { state in
            let isOver = state.phase == "stopped"
            if !isOver { state.phase = "draining" }
            return (isOver, state.book)
        }
        // Its event loop may be gone.
        guard !isOver else { return }
        book?.stop()
        let desk = desk
        let time = TimeAmount(limit)
        let cut = desk.loop.eventLoop.scheduleTask(in: time) { desk.cut() }
        try? await desk.loop.eventLoop.flatSubmit { desk.leave(within: time) }.get()
        cut.cancel()
        jobs.close()
        state.withLock { $0.phase = "stopped" }
    }

    /// Serves until a graceful shutdown, or until the task is cancelled; then leaves in order.
    public func run() async throws {
        try await start()
        try? await gracefulShutdown()
        await stop()
    }

    // MARK: - Calls

    /// Calls an agent of `rpcID` and returns its answer.
    /// - Parameters:
    ///   - rpcID: what agents have registered.
    ///   - request: what their function is given.
    ///   - shardingID: calls with equal ids that are not 0 go to the same agent; nil takes the request's.
    ///   - timeout: until the call is given up; nil is the settings' `timeout`. The hub may allow less.
    /// - Throws: ``RPCError``; `CancellationError` when the task is cancelled.
    public func call(
        rpcID: UInt32, request: ProtoRequest, shardingID: Int64? = nil, timeout: TimeAmount? = nil
    ) async throws -> ProtoReply {
        var request = request
        if let shardingID { request.shardingID = shardingID }
        let handle = CallHandle()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<ProtoReply, any Error>) in
                let call = HubCall(rpc: rpcID, request: request, timeout: milliseconds(timeout)) { result in
                    continuation.resume(with: result.mapError { RPCError.of($0) })
                }
                if handle.set(call) { jobs.post(.withdraw(call)) }
                jobs.post(.begin(call))
            }
        } onCancel: {
            if let call = handle.cancel() { jobs.post(.withdraw(call)) }
        }
    }

    /// Sends a call that nobody waits for (rule S23); returns when it is queued toward a hub.
    /// - Throws: ``RPCError`` when no hub takes it. What becomes of it later is only counted.
    public func send(rpcID: UInt32, request: ProtoRequest, shardingID: Int64? = nil, timeout: TimeAmount? = nil) async throws {
        var request = request
        if let shardingID { request.shardingID = shardingID }
        _ = try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<ProtoReply, any Error>) in
            let call = HubCall(rpc: rpcID, request: request, isOneway: true, timeout: milliseconds(timeout)) { result in
                continuation.resume(with: result.mapError { RPCError.of($0) })
            }
            jobs.post(.begin(call))
        }
    }

    private func milliseconds(_ timeout: TimeAmount?) -> Int { max(Int((timeout ?? settings.timeout).nanoseconds / 1_000_000), 1) }

    // MARK: - Inspection

    /// Every number of the caller, now.
    public func samples() async -> [Sample] {
        let (desk, role) = (desk, role)
        return (try? await desk.loop.eventLoop.submit { desk.samples(role: role) }.get()) ?? []
    }

    /// What the caller is doing: its hubs are its peers.
    public func status() async -> RoleStatus {
        let desk = desk
        let peers = (try? await desk.loop.eventLoop.submit { desk.peers }.get()) ?? []
        let up = peers.count { $0.state == "up" || $0.state == "draining" }
        return RoleStatus(role: role, state: state.withLock { $0.phase }, listeners: [], links: up, peers: peers)
    }
}

extension RPCError {
    /// What a hub says; withdrawing is Swift's cancellation.
    fileprivate static func of(_ failure: HubCall.Failure) -> any Error {
        let prefix = Code.name(of: failure.code) + ": "
        let reason = failure.reason.hasPrefix(prefix) ? String(failure.reason.dropFirst(prefix.count)) : failure.reason
        guard let code = Code(rawValue: failure.code) else { return RPCError(.internal, prefix + reason) }
        return code == .cancelled ? CancellationError() : RPCError(code, reason)
    }
}

/// What a task knows of its call, so that it can be withdrawn at any moment.
private final class CallHandle: Sendable {
    private let state = Mutex<(call: HubCall?, isCancelled: Bool)>((nil, false))

    /// True when the task was cancelled before the call existed.
    func set(_ call: HubCall) -> Bool {
        state.withLock { state in
            state.call = call
            return state.isCancelled
        }
    }

    /// The call, if there is one yet.
    func cancel() -> HubCall? {
        state.withLock { state in
            state.isCancelled = true
            return state.call
        }
    }
}

/// What programs want of the desk, from whatever thread: handed over together, with one wake-up however many there are.
private final class CallerJobs: Sendable {
    enum Job: Sendable {
        case begin(HubCall)
        case withdraw(HubCall)
    }

    private let state = Mutex(State())

    private struct State {
        var waiting: [Job] = []
        /// The caller has left, and its event loop may be gone.
        var isClosed = false
    }

    private let desk: CallerDesk

    init(_ desk: CallerDesk) { self.desk = desk }

    func post(_ job: Job) {
        let isFirst: Bool? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.waiting.append(job)
            return state.waiting.count == 1
        }
        guard let isFirst else { return CallerJobs.refuse(job) }
        if isFirst { desk.loop.eventLoop.execute { self.work() } }
    }

    /// The last call: what comes later is told so at once.
    func close() {
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for job in left { CallerJobs.refuse(job) }
    }

    private static func refuse(_ job: Job) {
        // What is withdrawn now has been answered.
        if case .begin(let call) = job { call.refuse(HubCall.Failure(.draining, "this caller has left")) }
    }

    private func work() {
        let jobs = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for job in jobs {
            switch job {
            case .begin(let call): desk.begin(call)
            case .withdraw(let call): desk.withdraw(call)
            }
        }
    }
}
