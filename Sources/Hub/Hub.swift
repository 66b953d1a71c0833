public import Links
public import Logging
import Membership
public import NIOCore
import NIOPosix
import Sessions
import Synchronization
public import Telemetry
import Wire

/// The hub role (part 6 of the old fleet: `cluster_server_proxy`): edges dial one port, services another, each says who it is, and packets
/// find their way by id: from an edge to the service for (cluster, type), from a service to the edge that the packet names.
public final class Hub: ProcessRole {
    let context: HubContext
    private let group: any EventLoopGroup
    /// The registrar's own thread.
    private let registrarGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let shards: [Shard]
    let state: Mutex<State>

    struct State {
        /// What the hub goes by now.
        var settings: HubSettings
        var listeners: [(side: Side, listener: Listener)] = []
        var phase = "serving"
        /// Leaving, or being ended after a start that failed; whoever asks later waits for the same.
        var ending: Task<Void, Never>?
    }

    public static let maxLoops = 64

    /// - Parameters:
    ///   - group: its event loops serve the hub's links; at most 64 are used.
    ///   - memory: the bound on the queues of the whole process.
    public init(_ settings: HubSettings, group: any EventLoopGroup, memory: MemoryBudget, logger: Logger) {
        self.group = group
        state = Mutex(State(settings: settings))
        let loops = Array(group.makeIterator().prefix(Hub.maxLoops))
        let registrar = Registrar(eventLoop: registrarGroup.next(), tables: TableBuilder(loops: loops.count))
        let context = HubContext(settings: settings, memory: memory, logger: logger, registrar: registrar)
        self.context = context
        let table = registrar.emptyTable()
        let shards = loops.enumerated().map { Shard(index: $0, eventLoop: $1, context: context, settings: settings, table: table) }
        self.shards = shards
        for shard in shards {
            shard.shards = shards
            shard.outboxes = shards.map { _ in ByteBuffer() }
        }
        registrar.effects = Registrar<TableBuilder>.Effects(
            publish: { table in for shard in shards { shard.loop.eventLoop.execute { shard.take(table) } } },
            displace: { id, loop in shards[loop].onLoop { shards[loop].member(id)?.shell.displaced() } },
            leave: { action, loops, deadline in Hub.carryOut(action, loops, shards, deadline) })
    }

    // MARK: - Start

    /// Listens on both ports and serves.
    /// - Returns: where edges and services connect.
    /// - Throws: one clear line when it cannot listen; then nothing has been started.
    public func start() async throws -> [RoleStatus.Listener] {
        let settings = state.withLock { $0.settings }
        do {
            try await listen(on: settings.edges, settings.edgesOptions, .edges, .edges)
            try await listen(on: settings.services, settings.servicesOptions, .services, .services)
        } catch {
            await end { await self.undo() }
            throw error
        }
        return listeners
    }

    private func listen(on endpoint: Endpoint, _ options: ListenerOptions, _ port: MemberLink.Port, _ side: Side) async throws {
        let byLoop = Dictionary(uniqueKeysWithValues: shards.map { (ObjectIdentifier($0.loop.eventLoop), $0) })
        let listener = try await Listener.bind(
            endpoint, options: options, group: group, receiveBuffer: Sockets.trunkBuffer, logger: context.logger
        ) { channel in
            guard let shard = byLoop[ObjectIdentifier(channel.eventLoop)] else { throw ChannelError.operationUnsupported }
            try channel.pipeline.syncOperations.addHandler(MemberLink(shard: shard, port: port).link)
        }
        state.withLock { $0.listeners.append((side, listener)) }
    }

    // MARK: - Stop

    /// Leaves in the order of rule S25: edges drain first, then services; services' links close when all is said, edges' last.
    public func drain(within limit: Duration, atOnce: Bool) async {
        await end { await self.leave(within: limit, atOnce: atOnce) }
    }

    /// Ends the hub in one way or another, once.
    private func end(_ way: @escaping @Sendable () async -> Void) async {
        let ending = state.withLock { state in
            let ending = state.ending ?? Task(operation: way)
            state.ending = ending
            return ending
        }
        await ending.value
    }

    private func leave(within limit: Duration, atOnce: Bool) async {
        let listeners = state.withLock { state in
            state.phase = "draining"
            return state.listeners
        }
        for (_, listener) in listeners { await listener.close() }
        let deadline = NIODeadline.now() + TimeAmount(limit)
        let cut = shards[0].loop.eventLoop.scheduleTask(deadline: deadline) { self.cut() }
        let registrar = context.registrar
        let ends = shards.map { shard in shard.loop.eventLoop.flatSubmit { shard.leave() } }
        let ordered: EventLoopFuture<Void> = registrar.eventLoop.submit { registrar.leave(by: deadline) }
        try? await ordered.get()
        for end in ends { try? await end.get() }
        cut.cancel()
        await endRegistrar()
    }

    /// The start has failed: whoever came to a port that was open already is gone.
    private func undo() async {
        for (_, listener) in state.withLock({ $0.listeners }) { await listener.close() }
        let ends = shards.map { shard in
            shard.loop.eventLoop.flatSubmit {
                defer { shard.cut() }
                return shard.leave()
            }
        }
        for end in ends { try? await end.get() }
        await endRegistrar()
    }

    /// The last links that closed have their registrations forgotten first: they say so on their own loops, in the turn of their end or the next.
    private func endRegistrar() async {
        // Whoever closes while the registrar looks at his HELLO is forgotten behind its answer.
        try? await context.registrar.eventLoop.submit {}.get()
        for shard in shards { try? await shard.loop.eventLoop.submit {}.get() }
        try? await context.registrar.eventLoop.submit {}.get()
        try? await registrarGroup.shutdownGracefully()
        state.withLock { $0.phase = "stopped" }
    }

    private func cut() {
        context.logger.warning("drainTimeout has passed; cutting what is left")
        for shard in shards { shard.loop.eventLoop.execute { shard.cut() } }
    }

    /// Called on the registrar's loop.
    private static func carryOut(_ action: DrainOrder.Action, _ loops: [MemberID: Int], _ shards: [Shard], _ deadline: NIODeadline) {
        let left = UInt32(clamping: max(1, (deadline - .now()).nanoseconds / 1_000_000))
        switch action {
        case .tell(let ids):
            for id in ids { if let loop = loops[id] { shards[loop].onLoop { shards[loop].member(id)?.shell.sayDrain(milliseconds: left) } } }
        case .close(let ids):
            for id in ids {
                guard let loop = loops[id] else { continue }
                shards[loop].onLoop {
                    // Everything that anyone has said for it by now was posted before; it goes out first.
                    shards[loop].mailbox.collect()
                    shards[loop].member(id)?.shell.closeWhenEmpty()
                }
            }
        case .finished: break
        }
    }

    // MARK: - Inspection

    public let role = "hub"

    private var listeners: [RoleStatus.Listener] {
        state.withLock { $0.listeners }.map { RoleStatus.Listener(side: $0.side.rawValue, address: "\($0.listener.address)") }
    }

    public func samples() async -> [Sample] {
        let isServing = state.withLock { $0.phase == "serving" }
        let numbers = context.registrar.numbers
        var samples = [
            Sample(.draining, role, value: isServing ? 0 : 1), Sample(.tableBuilds, role, value: numbers.builds),
            Sample(.registrations, role, value: numbers.registrations),
        ]
        for (kind, count) in numbers.takeovers { samples.append(Sample(.takeovers, kind, value: count)) }
        for (side, listener) in state.withLock({ $0.listeners }) { samples += listener.samples(role: role, side: side.rawValue) }
        for shard in shards { samples += (try? await shard.loop.eventLoop.submit { shard.samples() }.get()) ?? [] }
        return samples
    }

    public func status() async -> RoleStatus {
        var peers: [RoleStatus.Peer] = []
        for shard in shards { peers += (try? await shard.loop.eventLoop.submit { shard.memberStatus() }.get()) ?? [] }
        let phase = state.withLock { $0.phase }
        return RoleStatus(
            role: role, state: phase, listeners: listeners, links: context.admission.count, peers: peers.sorted { $0.address < $1.address })
    }
}
