public import Links
import Logging
public import NIOCore
public import ServiceLifecycle
import Sessions
import Synchronization
public import Telemetry
import UnixSignals
public import Wire

/// Listens for packets and hands each to the handler of its type: register a handler and be done (parts 2 and 3 of the old fleet:
/// `FkServer` and `ChannelPacketProcessor`).
///
/// ```swift
/// import Switchyard
///
/// let server = PacketServer(listen: .host("127.0.0.1", port: 7100)) { router in
///     router.on(7) { packet, _ in packet }
/// }
/// try await server.runUntilSignal()
/// ```
///
/// Packets of one session are handled in order, one at a time; others concurrently; whatever handlers do, the event loops go on (rule S8).
public final class PacketServer: Service, ProcessRole, PacketSender {
    let settings: PacketServerSettings
    /// The queues in front of the handlers, and the threads on which they run.
    public let lanes: Lanes
    private let ownsLanes: Bool
    let desks: [LaneDesk]
    private let clients: [ClientSide]
    private let gateways = GatewayTable()
    private let group: any EventLoopGroup
    private let state = Mutex(State())

    private struct State {
        var listener: Listener?
        var phase = "serving"
    }

    /// A server for gateways at `listen` with default settings.
    public convenience init(listen: Endpoint, handlers: (inout PacketRouter) -> Void) {
        self.init(PacketServerSettings(listen: listen), handlers: handlers)
    }

    /// A server that has not been started.
    /// - Parameters:
    ///   - settings: where to listen, for whom, limits.
    ///   - lanes: shared with other servers and service links of the program; nil gives the server its own.
    ///   - group: its event loops serve the links; at most 64 are used.
    ///   - handlers: registers what handles which type.
    public init(
        _ settings: PacketServerSettings, lanes: Lanes? = nil, group: any EventLoopGroup = EventLoops.shared,
        handlers: (inout PacketRouter) -> Void
    ) {
        self.settings = settings
        self.group = group
        self.lanes = lanes ?? Lanes(logger: settings.logger)
        ownsLanes = lanes == nil
        var router = PacketRouter()
        handlers(&router)
        let memory = settings.memory ?? MemoryBudget(limit: 1 << 30)
        let key = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
        let admission = Admission(settings.limits)
        desks = group.makeIterator().prefix(SessionID.maxLoops).enumerated().map { [lanes = self.lanes] index, eventLoop in
            LaneDesk(index: index, key: key, eventLoop: eventLoop, lanes: lanes, router: router, memory: memory, logger: settings.logger)
        }
        clients = desks.map { ClientSide(desk: $0, settings: settings, admission: admission) }
        for desk in desks { desk.server = self }
    }

    // MARK: - Start

    /// Listens and serves; returns at once.
    /// - Returns: where, with the port that the system gave where 0 was asked for.
    /// - Throws: one clear line when it cannot listen; ``TLSFileError``.
    public func start() async throws -> [RoleStatus.Listener] {
        if settings.peers == .gateways, !settings.listen.isLoopback, settings.access.tls?.clients == nil {
            settings.logger.warning(
                "\(settings.listen) takes gateways, which are trusted without a word; let nobody else reach it, or ask for certificates")
        }
        let byLoop = Dictionary(uniqueKeysWithValues: desks.enumerated().map { (ObjectIdentifier($1.loop.eventLoop), $0) })
        let buffer: any RecvByteBufferAllocator & Sendable
        switch settings.peers {
        case .clients: buffer = Sockets.clientBuffer
        case .gateways: buffer = Sockets.trunkBuffer
        }
        let listener = try await Listener.bind(
            settings.listen, options: settings.access, group: group, receiveBuffer: buffer, logger: settings.logger
        ) { [self] channel in
            guard let index = byLoop[ObjectIdentifier(channel.eventLoop)] else { throw ChannelError.operationUnsupported }
            try channel.pipeline.syncOperations.addHandler(makeLink(index).link)
        }
        state.withLock { $0.listener = listener }
        return [RoleStatus.Listener(side: settings.peers.rawValue, address: "\(listener.address)")]
    }

    private func makeLink(_ index: Int) -> DeskLink {
        switch settings.peers {
        case .clients: ClientConnection(desk: desks[index], shared: clients[index])
        case .gateways: GatewayLink(desk: desks[index], settings: settings, gateways: gateways)
        }
    }

    /// Where it listens; nil before it does.
    public var address: Endpoint? { state.withLock { $0.listener?.address } }

    // MARK: - Run and stop

    /// Serves until the service group shuts down or the task is cancelled, and leaves in order (rule S25).
    public func run() async throws {
        _ = try await start()
        // Ends by shutdown or by cancellation; both mean: leave.
        try? await gracefulShutdown()
        await drain(within: Duration(settings.drainTimeout), atOnce: false)
    }

    /// Serves until SIGTERM or SIGINT, and leaves in order: for programs that are this server and nothing else.
    public func runUntilSignal() async throws {
        let group = ServiceGroup(services: [self], gracefulShutdownSignals: [.sigterm, .sigint], logger: settings.logger)
        try await group.run()
    }

    /// Leaves in order (rule S25): accepts nobody, says DRAIN to gateways, handles what has come, answers it, and closes. When `limit` has
    /// passed, handlers under way are cancelled, what still waits is answered `draining`, and the links are closed. No handler is called
    /// once this has returned.
    public func drain(within limit: Duration, atOnce: Bool) async {
        let listener = state.withLock { state in
            state.phase = "draining"
            return state.listener
        }
        await listener?.close()
        let deadline = NIODeadline.now() + TimeAmount(limit)
        let cut = desks[0].loop.eventLoop.scheduleTask(deadline: deadline) { self.cut() }
        let milliseconds = UInt32(clamping: max(limit.components.seconds * 1_000, 1))
        await onEachDesk { index, desk in
            self.leave(index, desk, milliseconds)
            return desk.quiet()
        }
        cut.cancel()
        stopHandlers()
        await onEachDesk { _, desk in
            desk.close()
            return desk.loop.eventLoop.makeSucceededVoidFuture()
        }
        state.withLock { $0.phase = "stopped" }
    }

    private func leave(_ index: Int, _ desk: LaneDesk, _ milliseconds: UInt32) {
        desk.loop.enterTurn()
        clients[index].isLeaving = true
        for link in desk.links.all {
            (link as? ClientConnection)?.leave()
            (link as? GatewayLink)?.leave(deadlineMilliseconds: milliseconds)
        }
    }

    private func stopHandlers() {
        for desk in desks { desk.isStopped.store(true, ordering: .relaxed) }
        if ownsLanes { lanes.stop() }
    }

    /// The time is over: the answers `draining` have a moment to leave, then the links end.
    private func cut() {
        settings.logger.warning("\(settings.name): drainTimeout has passed; cutting what is left")
        stopHandlers()
        for desk in desks {
            desk.loop.eventLoop.scheduleTask(in: .milliseconds(100)) {
                desk.loop.enterTurn()
                for link in desk.links.all {
                    link.link.close(.draining) { $0.append(Packet(Reject(.draining)), format: link.format) }
                }
                desk.abandonLanes()
            }
        }
    }

    private func onEachDesk(_ body: @escaping @Sendable (Int, LaneDesk) -> EventLoopFuture<Void>) async {
        for future in desks.enumerated().map({ index, desk in desk.loop.eventLoop.flatSubmit { body(index, desk) } }) { try? await future.get() }
    }

    // MARK: - Push

    /// Sends every session that is bound to `user` a copy; on gateways, those that have sent something.
    public func push(_ packet: Packet, toUser user: UInt64, es: UInt32?) {
        var packet = packet
        packet.header = PacketHeader(bodyCount: packet.body.readableBytes, type: packet.header.type, user: user)
        switch settings.peers {
        case .clients:
            for desk in desks { desk.push(packet) }
        case .gateways:
            for (es, handle) in gateways.routes(es: es) {
                packet.header.es = es
                handle.push(packet)
            }
        }
    }

    /// Sends every bound session a copy; on gateways, those that have sent something.
    public func multicast(_ packet: Packet) {
        switch settings.peers {
        case .clients:
            guard let everyone = MulticastParts.everyone(packet, es: settings.es) else { return tooLarge(packet) }
            for desk in desks { desk.push(everyone) }
        case .gateways:
            for (es, handle) in gateways.routes(es: nil) {
                guard let everyone = MulticastParts.everyone(packet, es: es) else { return tooLarge(packet) }
                handle.push(everyone)
            }
        }
    }

    private func tooLarge(_ packet: Packet) {
        settings.logger.error("a multicast of type \(packet.type) with \(packet.body.readableBytes) bytes does not fit a packet; not sent")
    }

    // MARK: - Inspection

    /// What it is called in labels and logs: ``PacketServerSettings/name``.
    public var role: String { settings.name }

    /// Every number of the server, now.
    public func samples() async -> [Sample] {
        var samples = [
            Sample(.draining, role, value: state.withLock { $0.phase } == "serving" ? 0 : 1),
            Sample(.laneDepth, role, value: lanes.waiting),
            Sample(.laneStalls, role, value: lanes.stallCount),
        ]
        let side = settings.peers == .clients ? Side.clients : Side.route
        if let listener = state.withLock({ $0.listener }) { samples += listener.samples(role: role, side: side.rawValue) }
        for desk in desks { samples += (try? await desk.loop.eventLoop.submit { desk.samples(role: self.role, side: side) }.get()) ?? [] }
        return samples
    }

    /// What the server is doing.
    public func status() async -> RoleStatus {
        let (listener, phase) = state.withLock { ($0.listener, $0.phase) }
        var links = 0
        for desk in desks { links += (try? await desk.loop.eventLoop.submit { desk.openLinks }.get()) ?? 0 }
        let listeners = listener.map { [RoleStatus.Listener(side: settings.peers.rawValue, address: "\($0.address)")] } ?? []
        return RoleStatus(role: role, state: phase, listeners: listeners, links: links, peers: [])
    }
}
