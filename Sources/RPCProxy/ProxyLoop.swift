import Links
import Logging
import NIOCore
import Routing
import Telemetry
import ThriftLink
import Wire

/// The proxy on one event loop: takes the calls of the clients that this loop serves, sends each on, and gives back its one outcome.
///
/// A call stays on its loop: client, pool and upstream connection belong to it, so nothing is handed over and nothing locked.
///
/// `@unchecked Sendable`: confined to ``loop``'s event loop.
final class ProxyLoop: ThriftCallHandler, UpstreamPoolOwner, @unchecked Sendable {
    let loop: LinkLoop
    @exclusivity(unchecked) var methods: MethodTable
    /// An open call knows its route by its place, which is another's only when nothing is left of this one.
    @exclusivity(unchecked) var routes: [ProxyRoute] = [] { didSet { references = routes.map(Unmanaged.passUnretained) } }
    /// ``routes``, for what is done for each call: taking one out of an array of objects counts references.
    @exclusivity(unchecked) private var references: [Unmanaged<ProxyRoute>] = []
    /// What was counted of routes of which nothing is left.
    var past = PastSamples()
    /// Of routes that are being taken leave of.
    var retiring: [EventLoopFuture<Void>] = []
    /// No more is dialed.
    var isLeaving = false
    /// This loop among those that share each route's connections.
    let share: (index: Int, count: Int)
    private let log: EventLog
    @exclusivity(unchecked) private(set) var open = Slab<OpenCall>(.wide)
    /// Calls of methods that no route names.
    @exclusivity(unchecked) private(set) var unrouted = 0
    @exclusivity(unchecked) private var draws = UInt64.random(in: 0 ... .max)

    /// The longest call that is kept to be repeated (rule S3).
    static let repeatable = 64 << 10

    /// - Parameters:
    ///   - index: of this loop among `count` that share each route's connections.
    init(_ settings: RPCProxySettings, eventLoop: any EventLoop, index: Int, count: Int, logger: Logger) {
        loop = LinkLoop(eventLoop: eventLoop)
        methods = MethodTable(settings.routes.map { ($0.methods, $0.weight) })
        log = EventLog(logger)
        share = (index, count)
        routes = settings.routes.map(makeRoute)
        // Not told by `didSet` here.
        references = routes.map(Unmanaged.passUnretained)
    }

    func makeRoute(_ route: RPCProxySettings.Route) -> ProxyRoute {
        let connections = route.upstream.share(of: share.index, among: share.count)
        return ProxyRoute(route, pool: UpstreamPool(route.upstream, share: connections, loop: loop, owner: self))
    }

    private func draw() -> UInt64 {
        draws &+= 0x9E37_79B9_7F4A_7C15
        return Choice.mix(draws)
    }

    // MARK: - Calls come in

    func call(_ call: ThriftCall, from connection: ThriftConnection) {
        let found = Unmanaged.passUnretained(methods)._withUnsafeGuaranteedRef { $0.route(of: call.name, draw: draw()) }
        guard let number = found else { return refuse(call, connection) }
        // Guard: `routes` holds it, and changes between turns.
        references[number]._withUnsafeGuaranteedRef { send(call, connection, number, $0) }
    }

    @inline(__always)
    private func send(_ call: ThriftCall, _ connection: ThriftConnection, _ number: Int, _ route: ProxyRoute) {
        if route.idempotent != nil { route.budget.calls(second: second) }
        let deadline = LinkLoop.tick(of: loop.now) + route.timeoutTicks
        let key = route.isHashed ? hashKey(of: call, connection) : 0
        guard call.encoding != route.encoding else {
            let parts = CallParts(call.head, call.bytes, body: call.body, shared: call.sharedBody)
            return send(call, connection, number, route, key, deadline, parts)
        }
        var converted = ByteBuffer()
        converted.reserveCapacity(call.body.count + call.body.count / 4)
        do {
            try ThriftConverter.convert(call.bytes, body: call.head.body, from: call.encoding, to: route.encoding, into: &converted)
        } catch {
            route.counters.failed.add(.badRequest)
            return connection.answer(call.ticket, ThriftException(.badRequest, "the arguments are malformed: \(error.description)"))
        }
        let shared = converted.readableBytes > BlockPool.largest ? converted : nil
        converted.withUnsafeReadableBytes { body in
            send(call, connection, number, route, key, deadline, CallParts(call.head, call.bytes, body: body, shared: shared))
        }
    }

    private func send(
        _ call: ThriftCall, _ connection: ThriftConnection, _ number: Int, _ route: ProxyRoute, _ key: UInt64, _ deadline: Int,
        _ parts: CallParts
    ) {
        guard !call.isOneway else { return route.pool.send(0, parts, key: key, deadline: deadline) }
        var repetition: Repetition?
        if let idempotent = route.idempotent, parts.body.count <= ProxyLoop.repeatable, idempotent.contains(call.name) {
            repetition = Repetition(HeldCall(parts, pool: &loop.pool))
        }
        let entry = OpenCall(
            connection: connection, ticket: call.ticket, route: number, started: loop.now, deadline: deadline, key: key,
            repetition: repetition)
        guard let token = open.insert(entry) else {
            repetition?.release(to: &loop.pool)
            route.counters.failed.add(.busy)
            return connection.answer(call.ticket, ThriftException(.busy, "no place for another open call"))
        }
        route.counters.inFlight += 1
        route.pool.send(token, parts, key: key, deadline: deadline)
    }

    private func refuse(_ call: ThriftCall, _ connection: ThriftConnection) {
        unrouted += 1
        guard !call.isOneway else { return }
        let name = String(decoding: call.name.prefix(100), as: UTF8.self)
        connection.answer(call.ticket, ThriftException(.noRoute, "no route for method \(name)"))
    }

    private var second: Int { Int(loop.now.uptimeNanoseconds / 1_000_000_000) }

    /// Field 3 of the first argument; where that is absent or 0, the client's connection (rule S19).
    private func hashKey(of call: ThriftCall, _ connection: ThriftConnection) -> UInt64 {
        let id = ThriftBody.shardingID(call.bytes, body: call.head.body, encoding: call.encoding) ?? 0
        return id == 0 ? connection.number : UInt64(bitPattern: id)
    }

    // MARK: - Outcomes

    func pool(_ pool: UpstreamPool, answered token: UInt64, _ answer: UpstreamAnswer) {
        guard let call = open.remove(token) else { return }
        // Guard: `routes` holds it, and changes between turns.
        references[call.route]._withUnsafeGuaranteedRef { pass(answer, to: call, of: $0) }
    }

    @inline(__always)
    private func pass(_ answer: UpstreamAnswer, to call: OpenCall, of route: ProxyRoute) {
        finish(call, route)
        let encoding = route.encoding
        let body = answer.body
        guard call.connection.isOpen else { return route.counters.failed.add(.cancelled) }
        if answer.head.type == .exception || ReplyKind.isDeclaredException(body, encoding) {
            route.counters.exceptions += 1
        } else {
            route.counters.ok += 1
        }
        call.connection.answer(
            call.ticket,
            ThriftAnswer(answer.head.type, encoding: encoding, body: body, shared: answer.sharedBody, info: answer.info))
    }

    func pool(_ pool: UpstreamPool, failed token: UInt64, _ failure: UpstreamFailure) {
        if tryAgain(token, failure) { return }
        guard let call = open.remove(token) else { return }
        let route = routes[call.route]
        finish(call, route)
        let outcome = call.repetition?.outcome(failure) ?? failure
        route.counters.failed.add(call.connection.isOpen ? outcome.code : .cancelled)
        call.connection.answer(call.ticket, ThriftException(outcome.code, outcome.reason))
    }

    private func finish(_ call: OpenCall, _ route: ProxyRoute) {
        route.counters.inFlight -= 1
        route.counters.seconds.add(nanoseconds: (loop.now - call.started).nanoseconds)
        call.repetition?.release(to: &loop.pool)
    }

    /// Repeats a call that may be repeated, once and within the budget (rule S3).
    private func tryAgain(_ token: UInt64, _ failure: UpstreamFailure) -> Bool {
        guard [.lost, .neverSent, .protocol].contains(failure.code), let call = open[token], let repetition = call.repetition,
            repetition.isLeft
        else { return false }
        let route = routes[call.route]
        guard call.connection.isOpen, call.deadline > LinkLoop.tick(of: loop.now), route.budget.spend(second: second) else { return false }
        guard let held = repetition.take(after: failure) else { return false }
        route.retries.add(failure.code)
        held.withParts { (parts: CallParts) -> Void in
            route.pool.send(token, parts, key: call.key, deadline: call.deadline, excluding: failure.server)
        }
        held.release(to: &loop.pool)
        return true
    }

    func pool(_ pool: UpstreamPool, wants token: UInt64) -> Bool {
        guard let call = open[token] else { return false }
        if call.connection.isOpen { return true }
        // Its caller is gone: no one hears of it.
        guard let call = open.remove(token) else { return false }
        finish(call, routes[call.route])
        routes[call.route].counters.failed.add(.cancelled)
        return false
    }

    /// Calls that its clients still wait for.
    var openCalls: Int { open.count }

    func connectionClosed(_ connection: ThriftConnection) {}

    // MARK: - Events

    func pool(_ pool: UpstreamPool, tells event: UpstreamEvent) {
        log.upstream(event, of: "route \(routes.first { $0.pool === pool }?.name ?? "")")
    }
}
