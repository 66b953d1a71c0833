public import Links
public import Logging
public import NIOCore
import Synchronization
public import Telemetry
import ThriftLink

/// The RPC proxy role: Thrift clients on one side, Thrift servers on the other (part 5 of the old fleet: `rpcProxy`).
///
/// Any method of any service passes: the head of a message is read and written anew, its body goes through untouched unless the two sides
/// write it differently. Every call has exactly one outcome, within its timeout (rules S1-S3, S15, S19-S25).
public final class RPCProxy: ProcessRole {
    /// The role in labels, logs and the configuration.
    public static let roleName = "rpcProxy"
    public let role = RPCProxy.roleName

    let logger: Logger
    let loops: [ProxyLoop]
    let door: ThriftDoor
    let state: Mutex<State>

    struct State {
        /// What the proxy goes by now.
        var settings: RPCProxySettings
        var phase = "serving"
    }

    /// - Parameters:
    ///   - group: its event loops serve the clients, and share each route's connections.
    ///   - memory: the bound on the queues of the whole process.
    public init(_ settings: RPCProxySettings, group: any EventLoopGroup, memory: MemoryBudget, logger: Logger) {
        state = Mutex(State(settings: settings))
        self.logger = logger
        let eventLoops = Array(group.makeIterator())
        loops = eventLoops.enumerated().map { index, eventLoop in
            ProxyLoop(settings, eventLoop: eventLoop, index: index, count: eventLoops.count, logger: logger)
        }
        let places = loops.map { ThriftDoor.Place(loop: $0.loop, handler: $0) }
        door = ThriftDoor(settings.door, group: group, places: places, memory: memory, logger: logger)
    }

    // MARK: - Start and stop

    public func start() async throws -> [RoleStatus.Listener] {
        let security = try state.withLock { $0.settings }.routes.map { route in try route.upstream.tls.map { try DialerSecurity($0, logger: logger) }
        }
        let address = try await door.open()
        await onEachLoop { $0.start(security) }
        return [RoleStatus.Listener(side: Side.clients.rawValue, address: "\(address)")]
    }

    /// What is left for a call's answer to be written when the time is over.
    private static let lastWords = Duration.milliseconds(250)

    public func drain(within limit: Duration, atOnce: Bool) async {
        state.withLock { $0.phase = "draining" }
        // What is still open shortly before the end is lost, and told so.
        let cut = loops[0].loop.eventLoop.scheduleTask(in: TimeAmount(max(limit - RPCProxy.lastWords, limit / 2))) { [loops] in
            for loop in loops { loop.loop.eventLoop.execute { loop.cut() } }
        }
        await door.drain(within: limit, atOnce: atOnce)
        cut.cancel()
        await onEachLoop { $0.leave() }
        state.withLock { $0.phase = "stopped" }
    }

    func onEachLoop(_ body: @escaping @Sendable (ProxyLoop) -> EventLoopFuture<Void>) async {
        for future in loops.map({ loop in loop.loop.eventLoop.flatSubmit { body(loop) } }) { try? await future.get() }
    }

    // MARK: - Inspection

    private var phase: String { state.withLock { $0.phase } }

    public func samples() async -> [Sample] {
        var samples = [Sample(.draining, role, value: phase == "serving" ? 0 : 1)]
        samples += await door.samples(role: role)
        for loop in loops { samples += (try? await loop.loop.eventLoop.submit { loop.samples() }.get()) ?? [] }
        return samples
    }

    public func status() async -> RoleStatus {
        var peers: [RoleStatus.Peer] = []
        for loop in loops { peers += (try? await loop.loop.eventLoop.submit { loop.peers() }.get()) ?? [] }
        let listeners = door.address.map { [RoleStatus.Listener(side: Side.clients.rawValue, address: "\($0)")] } ?? []
        return RoleStatus(role: role, state: phase, listeners: listeners, links: door.connections, peers: peers)
    }
}

extension ProxyLoop {
    /// Dials every upstream; done when the first attempt of each connection has ended (rule S18).
    /// - Parameter security: of each route.
    func start(_ security: [DialerSecurity?]) -> EventLoopFuture<Void> {
        EventLoopFuture.andAllComplete(zip(routes, security).map { $0.pool.start(security: $1) }, on: loop.eventLoop)
    }

    /// Every client is gone: the upstream connections close.
    func leave() -> EventLoopFuture<Void> {
        isLeaving = true
        cutLater()
        return EventLoopFuture.andAllComplete(routes.filter { $0.state != .left }.map { $0.pool.leave() } + retiring, on: loop.eventLoop)
    }

    /// The drain's time is over: what is open is lost.
    func cut() { for route in routes { route.pool.cut() } }

    /// No client waits for anything any more, so the upstreams are not waited for long.
    private func cutLater() {
        loop.eventLoop.scheduleTask(in: .milliseconds(500)) { self.cut() }
    }
}
