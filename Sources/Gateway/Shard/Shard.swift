import Links
import Logging
import NIOCore
import Routing
import Sessions
import Synchronization
import Telemetry
import Wire

/// Everything that one event loop needs to route: its clients, its view of the routes, what it hands to other loops, its counters.
///
/// `@unchecked Sendable`: confined to ``loop``'s event loop, except ``mailbox``, ``context`` and ``index``.
final class Shard: @unchecked Sendable {
    let index: Int
    let loop: LinkLoop
    let context: GatewayContext
    let log: EventLog
    private let memory: MemoryBudget.Share

    /// What this loop goes by; a reload changes it on each loop in turn (rule S26).
    private(set) var settings: GatewaySettings

    // As in `Link`: what every packet touches is confined to the loop and not checked for exclusivity at run time.
    // Read for every packet, so copied out of the settings.
    let format: WireFormat
    let esID: UInt32
    @exclusivity(unchecked) private(set) var verify: GatewaySettings.Verify
    @exclusivity(unchecked) private(set) var publicTypes: TypeSet
    @exclusivity(unchecked) private(set) var allPublic: Bool
    @exclusivity(unchecked) private(set) var maxPending: Int

    @exclusivity(unchecked) var clients: ClientTable<ClientLink>
    var users = UserIndex<ClientLink>()
    @exclusivity(unchecked) var counters = Counters()
    /// The routes of the start, then the hubs, then none; behind them those that reloads have added. A removed one keeps its place.
    @exclusivity(unchecked) private(set) var routes: [ShardRoute] { didSet { routeReferences = routes.map(Unmanaged.passUnretained) } }
    /// ``routes``, for what is done for each packet.
    @exclusivity(unchecked) private var routeReferences: [Unmanaged<ShardRoute>] = []
    /// The place of the hubs in ``routes``: the route of their connections.
    let hubsIndex: Int
    var noneIndex: Int { hubsIndex + 1 }
    let usesHubs: Bool
    /// Which hub takes a packet.
    @exclusivity(unchecked) var hubs: HubChoice<Connection>
    /// Sessions of which hubs were told lately that they are gone.
    var recentlyGone = RecentNotices()
    /// The place in ``routes`` for every application type.
    @exclusivity(unchecked) private(set) var routeOfType: [UInt16]
    /// By ``Trunk/id``.
    @exclusivity(unchecked) var connections: [Connection] = []
    /// Connections whose links this loop owns.
    var owned: [Connection] = []
    /// All loops, this one included; set once before anything is served.
    var shards: [Shard] = [] { didSet { loopCount = shards.count } }
    /// How many there are. The list itself is shared by all loops: reading it for each packet made them fight over its reference count.
    @exclusivity(unchecked) private(set) var loopCount = 1
    /// Entries for each other loop, posted at the end of the turn.
    @exclusivity(unchecked) var outboxes: [ByteBuffer] = []
    var stagedConnections: [Connection] = []
    var pushes = PendingPushes()
    private(set) var mailbox: Mailbox!
    /// Clients whose links are open, those that have already lost their session included.
    var openClients = 0
    var leaving: Leaving?
    private var lastRelief = NIODeadline.distantPast

    init(index: Int, eventLoop: any EventLoop, context: GatewayContext, key: (UInt64, UInt64)) {
        self.index = index
        self.context = context
        let settings = context.settings
        self.settings = settings
        loop = LinkLoop(eventLoop: eventLoop)
        log = EventLog(context.logger)
        memory = context.memoryShares[index]
        format = settings.wire
        esID = settings.esID
        verify = settings.verify
        publicTypes = settings.publicTypes
        allPublic = settings.publicTypes == .applicationTypes
        maxPending = settings.limits.maxPending
        clients = ClientTable(loop: index, key: key)
        let routes = Shard.routes(of: settings, waiting: context.waitingBytes)
        self.routes = routes
        routeReferences = routes.map(Unmanaged.passUnretained)
        routeOfType = RouteTable.start(settings).routeOfType(settings, places: Array(settings.routes.indices))
        hubsIndex = settings.routes.count
        usesHubs = settings.hubs != nil
        hubs = HubChoice(denseTargets: usesHubs ? 0x10000 : 0)
        mailbox = Mailbox(eventLoop: eventLoop) { [unowned self] batch in receive(batch) }
        loop.turnStarted = { [unowned self] in if loopCount > 1 { mailbox.turnStarted() } }
        loop.turnEnding = { [unowned self] in if loopCount > 1 { exchangeBatches() } }
        loop.turnEnded = { [unowned self] in finishTurn() }
    }

    private static func routes(of settings: GatewaySettings, waiting: [SharedCount]) -> [ShardRoute] {
        var routes = settings.routes.enumerated().map { index, route in
            ShardRoute(index: index, settings: route, verify: settings.verify, waitingTotal: waiting[index])
        }
        let placeholder = { GatewaySettings.Route(name: $0, types: TypeSet([])) }
        let kinds: [ShardRoute.Kind] = [.hubs, .none]
        for kind in kinds {
            let index = routes.count
            routes.append(
                ShardRoute(kind: kind, index: index, settings: placeholder("\(kind)"), verify: settings.verify, waitingTotal: waiting[index]))
        }
        routes[settings.routes.count].mark(lowestHighWater(settings))
        return routes
    }

    /// The hubs' connections carry what several routes send: a queue counts as low when it is so for each of them.
    private static func lowestHighWater(_ settings: GatewaySettings) -> Int {
        let standard = GatewaySettings.Route(name: "hubs", types: TypeSet([])).highWater
        let marks = settings.routes.filter(\.hubs).map(\.highWater) + (settings.defaultRoute == .hubs ? [standard] : [])
        return marks.min() ?? standard
    }

    /// Goes by other settings from here on (rule S26).
    /// - Parameters:
    ///   - places: where each route of `settings` stands in ``routes``.
    ///   - routeOfType: the place for every application type.
    func take(_ settings: GatewaySettings, places: [Int], routeOfType: [UInt16]) {
        loop.enterTurn()
        let old = self.settings
        self.settings = settings
        verify = settings.verify
        publicTypes = settings.publicTypes
        allPublic = settings.publicTypes == .applicationTypes
        maxPending = settings.limits.maxPending
        for route in routes { route.update(verify: settings.verify) }
        for (place, route) in zip(places, settings.routes) { routes[place].update(route, verify: settings.verify) }
        routes[hubsIndex].mark(Shard.lowestHighWater(settings))
        self.routeOfType = routeOfType
        if settings.limits != old.limits { for client in clients.all { client.limitsChanged() } }
    }

    /// A route that a reload adds; it gets packets once ``take(_:places:routeOfType:)`` says so.
    func add(_ route: GatewaySettings.Route, waitingTotal: SharedCount) {
        routes.append(ShardRoute(index: routes.count, settings: route, verify: settings.verify, waitingTotal: waitingTotal))
    }

    @inline(__always)
    func route(of type: UInt16) -> ShardRoute { routes[Int(routeOfType[Int(type)])] }

    /// The same without counting a reference: ``routes`` holds it for good.
    @inline(__always)
    func routeReference(of type: UInt16) -> Unmanaged<ShardRoute> { routeReferences[Int(routeOfType[Int(type)])] }

    private func exchangeBatches() {
        mailbox.collect()
        postOutboxes()
    }

    private func finishTurn() {
        publishMemory()
        guard loopCount > 1 else { return }
        for connection in owned {
            let queued = connection.link?.queued ?? 0
            connection.trunk.queued.store(queued, ordering: .sequentiallyConsistent)
            // A loop that paused on an older number hears here: without a mark the link tells no one.
            guard queued <= connection.route.highWater / 2 else { continue }
            if connection.trunk.waiters.load(ordering: .sequentiallyConsistent) != 0 { wakeWaiters(of: connection) }
        }
        mailbox.turnEnded()
    }

    private func publishMemory() {
        let bytes = heldBytes
        memory.publish(bytes)
        // Looking for the longest queue costs a walk over all clients: not more than once in a while.
        guard bytes > 0, context.memory.isExceeded, loop.now - lastRelief >= Shard.reliefInterval else { return }
        lastRelief = loop.now
        relieveMemory()
    }

    private static let reliefInterval = TimeAmount.milliseconds(2)

    private var heldBytes: Int {
        var bytes = loop.queuedBytes + loop.keptBytes
        for route in routes where !route.waiting.isEmpty { bytes += route.waiting.bytes }
        return bytes
    }

    /// Over the bound, the client with the longest queue is closed (rule S13). Each loop looks at its own clients; those of the loop that
    /// holds most are meant.
    private func relieveMemory() {
        let fullest = context.fullestLoop
        guard fullest == index else {
            shards[fullest].loop.eventLoop.execute { [shard = shards[fullest]] in shard.closeLongestQueue() }
            return
        }
        closeLongestQueue()
    }

    private func closeLongestQueue() {
        guard context.memory.isExceeded else { return }
        var longest: ClientLink?
        for client in clients.all where client.heldBytes > longest?.heldBytes ?? 0 { longest = client }
        guard let longest else { return }
        log.event("memory", "queues hold \(context.memory.total) bytes, over memory: \(context.memory.limit); closing \(longest.link.remote)")
        longest.abandon(.slowConsumer)
        memory.publish(heldBytes)
    }

    /// Runs on another loop's thread of control, soon.
    func toEach(_ body: @escaping @Sendable (Shard) -> Void) {
        for shard in shards {
            if shard === self { body(shard) } else { shard.loop.eventLoop.execute { body(shard) } }
        }
    }
}
