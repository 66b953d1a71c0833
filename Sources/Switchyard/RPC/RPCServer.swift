public import Links
import Logging
public import NIOCore
public import ServiceLifecycle
import Synchronization
public import Telemetry
import ThriftLink
import UnixSignals
import Wire

/// A Thrift server for a function `ProtoRequest -> ProtoReply`, in every transport and protocol that clients speak: register the function
/// and be done (part 1 of the old fleet: the Thrift server with its `common.RpcHandler`).
///
/// ```swift
/// import Switchyard
///
/// let server = RPCServer(listen: .host("127.0.0.1", port: 9100)) { request in
///     ProtoReply(type: request.type, content: request.content)
/// }
/// try await server.runUntilSignal()
/// ```
///
/// Connections are served concurrently, and so are the calls of one connection, whose answers go out in the order of the calls
/// (rule S24); ``RPCServerSettings/order`` puts calls of one `sharding_id` behind each other. Handlers run on threads of their own, so one
/// that blocks delays nobody else. A call of a method that nobody registered is answered `UNKNOWN_METHOD`.
public final class RPCServer: Service, ProcessRole {
    private let settings: RPCServerSettings
    private let group: any EventLoopGroup
    /// The threads on which handlers run, and the queues in front of them for ``RPCOrder/shardingID``.
    public let lanes: Lanes
    private let ownsLanes: Bool
    private let state = Mutex(State())

    private struct State {
        var methods = RPCMethods()
        var door: ThriftDoor?
        var loops: [RPCServerLoop] = []
        var phase = "serving"
    }

    /// A server at `listen` with default settings; `handler` answers the method `rpc`.
    public convenience init(listen: Endpoint, handler: @escaping RPCHandler) { self.init(RPCServerSettings(listen: listen), handler: handler) }

    /// A server that has not been started.
    /// - Parameters:
    ///   - settings: where it listens, and what it bounds.
    ///   - lanes: shared with other servers of the program; nil gives the server its own.
    ///   - group: its event loops serve the connections.
    ///   - handler: answers the method ``RPCServerSettings/method``.
    public init(
        _ settings: RPCServerSettings, lanes: Lanes? = nil, group: any EventLoopGroup = EventLoops.shared,
        handler: @escaping RPCHandler
    ) {
        self.settings = settings
        self.group = group
        self.lanes = lanes ?? Lanes(logger: settings.logger)
        ownsLanes = lanes == nil
        register(settings.method, handler)
    }

    // MARK: - Methods

    /// Answers a further method of ``ProtoRequest``, or the same one with another function. `service:method` is the method of a client
    /// that multiplexes; a bare `method` answers it too.
    /// - Precondition: before ``start()``.
    public func register(_ method: String, _ handler: @escaping RPCHandler) { register(method, .typed(handler)) }

    /// Answers a method on the event loop that reads it.
    /// - Precondition: before ``start()``.
    public func register(_ method: String, inline handler: @escaping RPCInlineHandler) { register(method, .inline(handler)) }

    /// Answers a method whose arguments are not a ``ProtoRequest``.
    /// - Precondition: before ``start()``.
    public func register(_ method: String, raw handler: @escaping RPCRawHandler) { register(method, .raw(handler)) }

    private func register(_ method: String, _ function: RPCMethods.Function) {
        state.withLock { state in
            precondition(state.door == nil, "register \(method) before the server is started")
            state.methods.set(method, function)
        }
    }

    // MARK: - Start

    /// Listens and serves; returns at once.
    /// - Returns: where, with the port that the system gave where 0 was asked for.
    /// - Throws: one clear line when it cannot listen.
    /// - Precondition: once in a server's life.
    @discardableResult
    public func start() async throws -> [RoleStatus.Listener] {
        let memory = settings.memory ?? MemoryBudget(limit: 1 << 30)
        let door = state.withLock { state in
            precondition(state.door == nil, "an RPCServer is started once")
            state.loops = group.makeIterator().map { [methods = state.methods] eventLoop in
                RPCServerLoop(eventLoop: eventLoop, methods: methods, order: settings.order, lanes: lanes, logger: settings.logger)
            }
            let places = state.loops.map { ThriftDoor.Place(loop: $0.loop, handler: $0) }
            let door = ThriftDoor(settings.door, group: group, places: places, memory: memory, logger: settings.logger)
            state.door = door
            return door
        }
        return [RoleStatus.Listener(side: Side.clients.rawValue, address: "\(try await door.open())")]
    }

    /// Where it listens; nil before it does.
    public var address: Endpoint? { state.withLock { $0.door }?.address }

    // MARK: - Run and stop

    /// Serves until the service group shuts down or the task is cancelled, and leaves in order (rule S25).
    public func run() async throws {
        try await start()
        // Ends by shutdown or by cancellation; both mean: leave.
        try? await gracefulShutdown()
        await drain(within: Duration(settings.drainTimeout), atOnce: false)
    }

    /// Serves until SIGTERM or SIGINT, and leaves in order: for programs that are this server and nothing else.
    public func runUntilSignal() async throws {
        let group = ServiceGroup(services: [self], gracefulShutdownSignals: [.sigterm, .sigint], logger: settings.logger)
        try await group.run()
    }

    /// What is left for answers to be written when the time is over.
    private static let lastWords = Duration.milliseconds(250)

    /// Leaves in order (rule S25): accepts no one, answers what has come, and closes each connection after an answer that leaves nothing
    /// open, an idle one at half of `limit` (or at once). Shortly before `limit` handlers that still work are cancelled, and their callers
    /// told `lost`. No handler is called once this has returned.
    public func drain(within limit: Duration, atOnce: Bool) async {
        let (door, loops) = state.withLock { state in
            state.phase = "draining"
            return (state.door, state.loops)
        }
        guard let door, let first = loops.first else { return }
        let cut = first.loop.eventLoop.scheduleTask(in: TimeAmount(max(limit - RPCServer.lastWords, limit / 2))) {
            for loop in loops { loop.loop.eventLoop.execute { loop.cut() } }
        }
        await door.drain(within: limit, atOnce: atOnce)
        // Those that work for nobody: oneway calls, and calls of clients that have gone.
        await RPCServer.onEach(loops) { $0.quiet() }
        cut.cancel()
        await RPCServer.onEach(loops) { loop in
            loop.cut()
            loop.close()
            return loop.loop.eventLoop.makeSucceededVoidFuture()
        }
        if ownsLanes { lanes.stop() }
        state.withLock { $0.phase = "stopped" }
    }

    private static func onEach(_ loops: [RPCServerLoop], _ body: @escaping @Sendable (RPCServerLoop) -> EventLoopFuture<Void>) async {
        for future in loops.map({ loop in loop.loop.eventLoop.flatSubmit { body(loop) } }) { try? await future.get() }
    }

    // MARK: - Inspection

    /// What it is called in labels and logs: ``RPCServerSettings/name``.
    public var role: String { settings.name }

    /// Every number of the server, now.
    public func samples() async -> [Sample] {
        let (door, loops, phase) = state.withLock { ($0.door, $0.loops, $0.phase) }
        var samples = [
            Sample(.draining, role, value: phase == "serving" ? 0 : 1),
            Sample(.laneDepth, role, value: lanes.waiting),
            Sample(.laneStalls, role, value: lanes.stallCount),
        ]
        samples += await door?.samples(role: role) ?? []
        for loop in loops { samples += (try? await loop.loop.eventLoop.submit { loop.samples(role: self.role) }.get()) ?? [] }
        return samples
    }

    /// What the server is doing.
    public func status() async -> RoleStatus {
        let (door, phase) = state.withLock { ($0.door, $0.phase) }
        let listeners = door?.address.map { [RoleStatus.Listener(side: Side.clients.rawValue, address: "\($0)")] } ?? []
        return RoleStatus(role: role, state: phase, listeners: listeners, links: door?.connections ?? 0, peers: [])
    }
}
