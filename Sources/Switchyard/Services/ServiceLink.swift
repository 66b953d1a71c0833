public import Links
import Logging
import Membership
public import NIOCore
public import Routing
public import ServiceLifecycle
import Synchronization
public import Telemetry
import UnixSignals
public import Wire

/// A service that dials hubs and gets its packets from there: gateways need not know where it is, and it needs not know where they are.
///
/// ```swift
/// import Switchyard
///
/// let service = ServiceLink(hubs: [.host("10.0.0.9", port: 7201)]) { router in
///     router.on(100...199) { packet, connection in Packet(type: packet.type, text: packet.text.uppercased()) }
/// }
/// try await service.runUntilSignal()
/// ```
///
/// Handlers, lanes and their promises are those of ``PacketServer`` (rule S8). Answers and pushes take the hub that rule S30 gives, so any
/// number of hubs share the traffic, packets of one session keep their order both ways (rule S5), and the loss of a hub is the loss of
/// what its socket had taken. All its links live on one event loop; several instances share the users of a cluster (rule S19).
public final class ServiceLink: Service, ProcessRole, PacketSender {
    /// What it was told.
    public let settings: ServiceLinkSettings
    /// The queues in front of the handlers, and the threads on which they run.
    public let lanes: Lanes
    private let ownsLanes: Bool
    let desk: LaneDesk
    private let side: ServiceSide
    private let state = Mutex(State())

    private struct State {
        var book: AddressBook?
        var phase = "serving"
    }

    /// A service behind `hubs` with default settings.
    public convenience init(hubs: [Endpoint], handlers: (inout PacketRouter) -> Void) {
        self.init(ServiceLinkSettings(hubs: hubs), handlers: handlers)
    }

    /// A service that has not been started.
    /// - Parameters:
    ///   - settings: hubs, identity, limits.
    ///   - lanes: shared with other servers and service links of the program; nil gives the service its own.
    ///   - group: one of its event loops serves the links.
    ///   - handlers: registers what handles which type.
    public init(
        _ settings: ServiceLinkSettings, lanes: Lanes? = nil, group: any EventLoopGroup = EventLoops.shared,
        handlers: (inout PacketRouter) -> Void
    ) {
        self.settings = settings
        self.lanes = lanes ?? Lanes(logger: settings.logger)
        ownsLanes = lanes == nil
        var router = PacketRouter()
        handlers(&router)
        let memory = settings.memory ?? MemoryBudget(limit: 1 << 30)
        let key = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
        desk = LaneDesk(index: 0, key: key, eventLoop: group.next(), lanes: self.lanes, router: router, memory: memory, logger: settings.logger)
        side = ServiceSide(desk: desk, settings: settings)
        desk.server = self
    }

    // MARK: - Start

    /// Dials the hubs and serves; returns when the first attempt of each has ended (rule S18).
    /// - Returns: nothing: a service listens nowhere.
    /// - Throws: ``TLSFileError``, before anything is dialed.
    public func start() async throws -> [RoleStatus.Listener] {
        let (desk, side, settings) = (desk, side, settings)
        let security = try settings.tls.map { try DialerSecurity($0, logger: settings.logger) }
        let book = AddressBook(settings.hubs, security: security, on: desk.loop.eventLoop) { address, source in
            try? await desk.loop.eventLoop.flatSubmit { side.dial(address, from: source) }.get()
        } unresolved: { endpoint, error in
            settings.logger.warning("hub \(endpoint): \(describe(error)); trying again")
        }
        state.withLock { $0.book = book }
        await book.start()
        return []
    }

    /// Registers other packet types at every hub from here on; an empty set withdraws all (protocol section 4).
    public func register(_ types: TypeSet) {
        let (desk, side) = (desk, side)
        desk.loop.eventLoop.execute {
            desk.loop.enterTurn()
            side.register(types)
        }
    }

    // MARK: - Run and stop

    /// Serves until the service group shuts down or the task is cancelled, and leaves in order (rule S25).
    public func run() async throws {
        _ = try await start()
        // Ends by shutdown or by cancellation; both mean: leave.
        try? await gracefulShutdown()
        await drain(within: Duration(settings.drainTimeout), atOnce: false)
    }

    /// Serves until SIGTERM or SIGINT, and leaves in order: for programs that are this service and nothing else.
    public func runUntilSignal() async throws {
        let group = ServiceGroup(services: [self], gracefulShutdownSignals: [.sigterm, .sigint], logger: settings.logger)
        try await group.run()
    }

    /// Leaves in order (rule S25): says DRAIN to every hub, handles and answers what comes until the hub has stopped, and closes. When
    /// `limit` has passed, handlers under way are cancelled, what still waits is answered `draining`, and the links are cut. No handler is
    /// called once this has returned.
    public func drain(within limit: Duration, atOnce: Bool) async {
        let book = state.withLock { state in
            state.phase = "draining"
            return state.book
        }
        book?.stop()
        let (desk, side, settings) = (desk, side, settings)
        let eventLoop = desk.loop.eventLoop
        let time = TimeAmount(limit)
        let cut = eventLoop.scheduleTask(in: time) { [self] in
            settings.logger.warning("\(settings.name): drainTimeout has passed; cutting what is left")
            stopHandlers()
            // The answers `draining` have a moment to leave.
            eventLoop.scheduleTask(in: .milliseconds(100)) {
                desk.loop.enterTurn()
                side.cut()
            }
        }
        try? await eventLoop.flatSubmit {
            desk.loop.enterTurn()
            return side.leave(within: time)
        }.get()
        cut.cancel()
        stopHandlers()
        try? await eventLoop.submit { desk.close() }.get()
        state.withLock { $0.phase = "stopped" }
    }

    private func stopHandlers() {
        desk.isStopped.store(true, ordering: .relaxed)
        if ownsLanes { lanes.stop() }
    }

    // MARK: - Push

    /// Sends every session that is bound to `user` a copy.
    /// - Parameters:
    ///   - packet: type and body count; the rest of its header is filled in.
    ///   - user: not 0.
    ///   - es: the edge on which to look; nil means every edge of the service's cluster.
    public func push(_ packet: Packet, toUser user: UInt64, es: UInt32?) {
        var packet = packet
        packet.header = PacketHeader(
            bodyCount: packet.body.readableBytes, type: packet.header.type, user: user, es: es ?? PacketHeader.everyEdge)
        desk.push(packet)
    }

    /// Sends every bound session of every edge of the service's cluster a copy.
    public func multicast(_ packet: Packet) {
        guard let everyone = MulticastParts.everyone(packet, es: PacketHeader.everyEdge) else {
            settings.logger.error("a multicast of type \(packet.type) with \(packet.body.readableBytes) bytes does not fit a packet; not sent")
            return
        }
        desk.push(everyone)
    }

    // MARK: - Inspection

    /// What it is called in labels and logs: ``ServiceLinkSettings/name``.
    public var role: String { settings.name }

    /// Every number of the service, now.
    public func samples() async -> [Sample] {
        let (desk, side, role) = (desk, side, role)
        let numbers = [
            Sample(.draining, role, value: state.withLock { $0.phase } == "serving" ? 0 : 1),
            Sample(.laneDepth, role, value: lanes.waiting),
            Sample(.laneStalls, role, value: lanes.stallCount),
        ]
        let more = try? await desk.loop.eventLoop.submit { desk.samples(role: role, side: .hub) + side.samples(role: role) }.get()
        return numbers + (more ?? [])
    }

    /// What the service is doing: its hubs are its peers.
    public func status() async -> RoleStatus {
        let (desk, side) = (desk, side)
        let peers = (try? await desk.loop.eventLoop.submit { side.peers }.get()) ?? []
        let up = peers.count { $0.state == "up" || $0.state == "draining" }
        return RoleStatus(role: role, state: state.withLock { $0.phase }, listeners: [], links: up, peers: peers)
    }
}
