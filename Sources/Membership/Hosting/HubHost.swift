package import Links
package import Logging
package import NIOCore
import NIOPosix
import Sessions
import Synchronization
package import Telemetry

/// What every hub is as a process: its ports, its loops, the registrar between them, its end in order (rules S11, S25). What its members say to each
/// other is the concern of the hub's own loops.
package final class HubHost<Shard: HubShard>: Sendable {
    package typealias Tables = Shard.Tables

    /// A place that members dial.
    package struct Port: Sendable {
        package let side: Side
        package let endpoint: Endpoint
        package let options: ListenerOptions
        /// A link for a connection that came to it.
        package let accept: @Sendable (Shard) -> Link

        package init(_ side: Side, _ endpoint: Endpoint, _ options: ListenerOptions, accept: @escaping @Sendable (Shard) -> Link) {
            self.side = side
            self.endpoint = endpoint
            self.options = options
            self.accept = accept
        }
    }

    struct State {
        var listeners: [(side: Side, listener: Listener)] = []
        var phase = "serving"
        /// Leaving, or being ended after a start that failed; whoever asks later waits for the same.
        var ending: Task<Void, Never>?
    }

    package let shards: [Shard]
    package let context: HubContext<Tables>
    private let group: any EventLoopGroup
    /// The registrar's own thread.
    private let registrarGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let state = Mutex(State())

    /// The most event loops of a group that are used.
    package static var maxLoops: Int { 64 }

    /// - Parameters:
    ///   - group: its event loops serve the hub's links.
    ///   - memory: the bound on the queues of the whole process.
    ///   - tables: makes the tables of so many loops.
    ///   - shard: makes the part of one event loop.
    package init(
        group: any EventLoopGroup, limits: MemberLimits, memory: MemoryBudget, logger: Logger, tables: (_ loops: Int) -> Tables,
        shard: (_ index: Int, any EventLoop, HubContext<Tables>, Tables.Table) -> Shard
    ) {
        self.group = group
        let loops = Array(group.makeIterator().prefix(HubHost.maxLoops))
        let registrar = Registrar(eventLoop: registrarGroup.next(), tables: tables(loops.count))
        let context = HubContext(limits: limits, memory: memory, logger: logger, registrar: registrar)
        self.context = context
        let table = registrar.emptyTable()
        let shards = loops.enumerated().map { shard($0, $1, context, table) }
        self.shards = shards
        for shard in shards { shard.shards = shards }
        registrar.effects = Registrar<Tables>.Effects(
            publish: { table in for shard in shards { shard.loop.eventLoop.execute { shard.take(table) } } },
            displace: { id, loop in shards[loop].onLoop { shards[loop].member(id)?.shell.displaced() } },
            leave: { action, loops, deadline in HubHost.carryOut(action, loops, shards, deadline) })
    }

    // MARK: - Start

    /// Listens on the ports and serves.
    /// - Parameter last: opens whatever else the hub has.
    /// - Throws: one clear line when it cannot listen; then nothing has been started.
    package func start(_ ports: [Port], last: () async throws -> Void = {}) async throws {
        do {
            for port in ports { try await listen(on: port) }
            try await last()
        } catch {
            await end { await self.undo() }
            throw error
        }
    }

    private func listen(on port: Port) async throws {
        let byLoop = Dictionary(uniqueKeysWithValues: shards.map { (ObjectIdentifier($0.loop.eventLoop), $0) })
        let listener = try await Listener.bind(
            port.endpoint, options: port.options, group: group, receiveBuffer: Sockets.trunkBuffer, logger: context.logger
        ) { channel in
            guard let shard = byLoop[ObjectIdentifier(channel.eventLoop)] else { throw ChannelError.operationUnsupported }
            try channel.pipeline.syncOperations.addHandler(port.accept(shard))
        }
        state.withLock { $0.listeners.append((port.side, listener)) }
    }

    /// Gets ready to go by other options and limits (rule S26).
    /// - Returns: takes them over.
    /// - Throws: `TLSFileError`; then nothing has changed.
    package func prepare(_ limits: MemberLimits, options: (Side) -> ListenerOptions) throws -> @Sendable () -> Void {
        let prepared = try state.withLock { $0.listeners }.map { side, listener in try listener.prepare(options(side)) }
        return { [context] in
            for take in prepared { take() }
            context.admission.update(limits.forAdmission)
        }
    }

    // MARK: - Stop

    /// Leaves in the order of rule S25: who asks drains first, then who serves; the links of those close when all is said, the others' last.
    /// - Parameter first: whatever else the hub has leaves before them, within `limit` by itself.
    package func drain(within limit: Duration, first: @escaping @Sendable () async -> Void = {}) async {
        await end { await self.leave(within: limit, first) }
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

    private func leave(within limit: Duration, _ first: @Sendable () async -> Void) async {
        let listeners = state.withLock { state in
            state.phase = "draining"
            return state.listeners
        }
        for (_, listener) in listeners { await listener.close() }
        let deadline = NIODeadline.now() + TimeAmount(limit)
        await first()
        let cut = shards[0].loop.eventLoop.scheduleTask(deadline: deadline) { self.cut() }
        let registrar = context.registrar
        let ends = shards.map { shard in shard.loop.eventLoop.flatSubmit { shard.roster.leave() } }
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
                defer { shard.roster.cut() }
                return shard.roster.leave()
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
        for shard in shards { shard.loop.eventLoop.execute { shard.roster.cut() } }
    }

    /// Called on the registrar's loop.
    private static func carryOut(_ action: DrainOrder.Action, _ loops: [MemberID: Int], _ shards: [Shard], _ deadline: NIODeadline) {
        let left = UInt32(clamping: max(1, (deadline - .now()).nanoseconds / 1_000_000))
        switch action {
        case .tell(let ids):
            for id in ids { if let loop = loops[id] { shards[loop].onLoop { shards[loop].sayDrain(id, milliseconds: left) } } }
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
}
