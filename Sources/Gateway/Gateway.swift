public import Links
public import Logging
public import NIOCore
import NIOPosix
import Routing
import Sessions
import Synchronization
public import Telemetry
import Wire

/// The gateway role: real clients on one side, packet servers on the other (part 4 of the old fleet: `TypeRouteProcessor`).
///
/// Every client gets a session; its packets go, by type, over few shared connections to servers, and what a server sends for a session
/// goes back to that client, in order, with nothing dropped in silence (rules S1-S6, S9, S12-S18, S25).
public final class Gateway: ProcessRole {
    let context: GatewayContext
    private let group: any EventLoopGroup
    let shards: [Shard]
    let state: Mutex<State>

    struct State {
        var listener: Listener?
        /// What it goes by now.
        var settings: GatewaySettings
        var table: RouteTable
        /// What is dialed: each route's upstreams, by the route's place.
        var books: [Int: AddressBook] = [:]
        var phase = "serving"
        var nextConnection = 0
    }

    /// - Parameters:
    ///   - group: its event loops serve the gateway's links; at most 64 are used.
    ///   - memory: the bound on the queues of the whole process.
    public init(_ settings: GatewaySettings, group: any EventLoopGroup, memory: MemoryBudget, logger: Logger) {
        self.group = group
        let loops = Array(group.makeIterator().prefix(SessionID.maxLoops))
        context = GatewayContext(settings: settings, memory: memory, logger: logger, loops: loops.count)
        state = Mutex(State(settings: settings, table: .start(settings)))
        let context = context
        let key = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
        shards = loops.enumerated().map { Shard(index: $0, eventLoop: $1, context: context, key: key) }
        for shard in shards {
            shard.shards = shards
            shard.outboxes = shards.map { _ in ByteBuffer() }
        }
    }

    /// The most event loops that a session's number has room for.
    public static let maxLoops = SessionID.maxLoops

    // MARK: - Start

    /// Listens, dials every upstream once, and serves.
    /// - Returns: where clients connect, once the first attempt of each dialer has ended (rule S18).
    /// - Throws: one clear line when it cannot listen; then nothing has been started.
    public func start() async throws -> [RoleStatus.Listener] {
        let byLoop = Dictionary(uniqueKeysWithValues: shards.map { (ObjectIdentifier($0.loop.eventLoop), $0) })
        let books = try makeBooks()
        let listener = try await Listener.bind(
            context.settings.listen, options: context.settings.options, group: group, receiveBuffer: Sockets.clientBuffer, logger: context.logger
        ) { channel in
            guard let shard = byLoop[ObjectIdentifier(channel.eventLoop)] else { throw ChannelError.operationUnsupported }
            try channel.pipeline.syncOperations.addHandler(ClientLink(shard: shard).link)
        }
        state.withLock { $0.listener = listener }
        state.withLock { $0.books = books }
        await withTaskGroup(of: Void.self) { group in
            for book in books.values { group.addTask { await book.start() } }
        }
        return listeners
    }

    private func makeBooks() throws(TLSFileError) -> [Int: AddressBook] {
        var books: [Int: AddressBook] = [:]
        for (place, route) in context.settings.routes.enumerated() { books[place] = try book(of: route, place: place) }
        if let hubs = context.settings.hubs { books[context.settings.routes.count] = try book(of: hubs) }
        return books
    }

    private func security(_ tls: DialerTLS?) throws(TLSFileError) -> DialerSecurity? {
        guard let tls else { return nil }
        return try DialerSecurity(tls, logger: context.logger)
    }

    /// The list of upstreams of one route.
    func book(of route: GatewaySettings.Route, place: Int) throws(TLSFileError) -> AddressBook {
        AddressBook(route.to, security: try security(route.tls), on: shards[0].loop.eventLoop) { [weak self] address, source in
            await self?.connect(address, route: place, connections: route.connections, from: source)
        } unresolved: { [context] _, error in
            context.logger.warning("route \(route.name): \(describe(error)); trying again")
        }
    }

    private func book(of hubs: GatewaySettings.Hubs) throws(TLSFileError) -> AddressBook {
        AddressBook(hubs.to, security: try security(hubs.tls), on: shards[0].loop.eventLoop) { [weak self] address, source in
            guard let self else { return }
            let hubs = state.withLock { $0.settings.hubs } ?? hubs
            await connect(address, index: 0, route: context.settings.routes.count, from: source) {
                HubUpstream(address, from: source, connection: $0, shard: $1, hubs: hubs)
            }
        } unresolved: { [context] endpoint, error in
            context.logger.warning("hub \(endpoint): \(describe(error)); trying again")
        }
    }

    /// The first connection to an address comes first: it says that earlier sessions are gone (rule S12). The others follow together, so that
    /// an address that hangs is waited for twice at most, however many connections it is to have.
    private func connect(_ address: SocketAddress, route: Int, connections: Int, from source: AddressSource) async {
        let direct: MakeUpstream = { DirectUpstream(source: source, connection: $0, address: address, shard: $1) }
        await connect(address, index: 0, route: route, from: source, direct)
        await withTaskGroup(of: Void.self) { group in
            for index in 1..<max(connections, 1) {
                group.addTask { await self.connect(address, index: index, route: route, from: source, direct) }
            }
        }
    }

    private typealias MakeUpstream = @Sendable (Connection, Shard) -> any Upstream

    private func connect(_ address: SocketAddress, index: Int, route: Int, from source: AddressSource, _ make: @escaping MakeUpstream) async {
        let trunk = state.withLock { state -> Trunk? in
            // A name's answer may come when the gateway is leaving.
            guard state.phase == "serving" else { return nil }
            let id = state.nextConnection
            state.nextConnection += 1
            let text = address.text
            let trunk = Trunk(
                id: id, route: route, loop: id % shards.count, address: text, index: index, node: Choice.fnv1a("\(text)#\(index)"),
                rank: source.position << 32 | id)
            // Under the lock, so that every loop learns of connections in the order of their ids.
            for shard in shards where shard.index != trunk.loop { shard.loop.eventLoop.execute { _ = shard.add(trunk) } }
            let owner = shards[trunk.loop]
            owner.loop.eventLoop.execute {
                let connection = owner.add(trunk)
                connection.upstream = make(connection, owner)
            }
            return trunk
        }
        guard let trunk else { return }
        // A batch may overtake what a loop has still to run, so every loop knows the connection before it carries anything.
        await onEachShard { $0.loop.eventLoop.makeSucceededVoidFuture() }
        let owner = shards[trunk.loop]
        try? await owner.loop.eventLoop.flatSubmit {
            owner.connections[trunk.id].upstream?.start() ?? owner.loop.eventLoop.makeSucceededVoidFuture()
        }.get()
    }

    // MARK: - Stop

    private var phase: String { state.withLock { $0.phase } }

    /// Leaves in order (rule S25): accepts no one, closes its clients evenly over the first half of `limit` (or at once), says
    /// DRAIN to its upstreams and closes those links when they have answered. Returns when everything is closed, after `limit` at the
    /// latest.
    public func drain(within limit: Duration, atOnce: Bool) async {
        let (listener, books) = state.withLock { state in
            state.phase = "draining"
            return (state.listener, state.books)
        }
        for book in books.values { book.stop() }
        await listener?.close()
        let timeout = TimeAmount(limit)
        let deadline = NIODeadline.now() + timeout
        let cut = shards[0].loop.eventLoop.scheduleTask(deadline: deadline) { self.cutEverything() }
        let spread = atOnce ? .zero : TimeAmount.nanoseconds(timeout.nanoseconds / 2)
        await onEachShard { $0.leave(spread: spread) }
        // What the last clients' ends have to tell crosses to the loops of their upstreams before those hear DRAIN: one hop for the turn that
        // posts it, one for the turn that takes it.
        for _ in 0..<2 { await onEachShard { $0.loop.eventLoop.makeSucceededVoidFuture() } }
        let left = max(deadline - .now(), .milliseconds(1))
        await onEachShard { shard in
            EventLoopFuture.andAllComplete(
                shard.owned.compactMap { $0.upstream?.leave(within: left) }, on: shard.loop.eventLoop)
        }
        cut.cancel()
        state.withLock { $0.phase = "stopped" }
    }

    private func cutEverything() {
        context.logger.warning("drainTimeout has passed; cutting what is left")
        for shard in shards {
            shard.loop.eventLoop.execute {
                shard.cutClients()
                for connection in shard.owned { connection.upstream?.cut() }
            }
        }
    }

    func onEachShard(_ body: @escaping @Sendable (Shard) -> EventLoopFuture<Void>) async {
        for future in shards.map({ shard in shard.loop.eventLoop.flatSubmit { body(shard) } }) { try? await future.get() }
    }

    // MARK: - Inspection

    public let role = "gateway"

    public func samples() async -> [Sample] {
        var samples = [Sample(.draining, role, value: phase == "serving" ? 0 : 1)]
        if let listener = state.withLock({ $0.listener }) { samples += listener.samples(role: role, side: Side.clients.rawValue) }
        for shard in shards { samples += (try? await shard.loop.eventLoop.submit { shard.samples() }.get()) ?? [] }
        return samples
    }

    private var listeners: [RoleStatus.Listener] {
        guard let listener = state.withLock({ $0.listener }) else { return [] }
        return [RoleStatus.Listener(side: Side.clients.rawValue, address: "\(listener.address)")]
    }

    public func status() async -> RoleStatus {
        var peers: [RoleStatus.Peer] = []
        for shard in shards { peers += (try? await shard.loop.eventLoop.submit { shard.peers() }.get()) ?? [] }
        return RoleStatus(role: role, state: phase, listeners: listeners, links: context.admission.count, peers: peers)
    }
}
