public import Links
public import Logging
import Membership
public import NIOCore
import Synchronization
public import Telemetry
import ThriftLink

/// The RPC hub role (part 7 of the old fleet: `cluster_rpc_proxy`): callers dial one port, agents another; a call goes to an agent of its RPC
/// id and the answer comes back to the caller by its identify id, exactly one for each call.
public final class RPCHub: ProcessRole {
    public let role = "rpcHub"
    let host: HubHost<Shard>
    let door: ThriftDoor?
    /// What the hub goes by now.
    let settings: Mutex<RPCHubSettings>

    /// - Parameters:
    ///   - group: its event loops serve the hub's links; at most 64 are used.
    ///   - memory: the bound on the queues of the whole process.
    public init(_ settings: RPCHubSettings, group: any EventLoopGroup, memory: MemoryBudget, logger: Logger) {
        self.settings = Mutex(settings)
        let host = HubHost<Shard>(
            group: group, limits: settings.limits, memory: memory, logger: logger, tables: { AgentTableBuilder(loops: $0) },
            shard: { Shard(index: $0, eventLoop: $1, context: $2, settings: settings, table: $3) })
        self.host = host
        door = settings.thrift.map { thrift in
            let places = host.shards.compactMap { shard in shard.door.map { ThriftDoor.Place(loop: shard.loop, handler: $0) } }
            return ThriftDoor(thrift.door, side: .thrift, group: group, places: places, memory: memory, logger: logger)
        }
    }

    /// Listens on both ports, and on the door for Thrift callers, and serves.
    /// - Returns: where callers and agents connect.
    /// - Throws: one clear line when it cannot listen; then nothing has been started.
    public func start() async throws -> [RoleStatus.Listener] {
        let settings = settings.withLock { $0 }
        let ports: [HubHost<Shard>.Port] = [
            .init(.callers, settings.callers, settings.callersOptions) { MemberLink(shard: $0, port: .callers).link },
            .init(.agents, settings.agents, settings.agentsOptions) { MemberLink(shard: $0, port: .agents).link },
        ]
        try await host.start(ports, last: { _ = try await door?.open() })
        return listeners
    }

    /// Leaves in the order of rule S25: callers drain first, then agents; agents' links close when everything is answered, callers' last.
    public func drain(within limit: Duration, atOnce: Bool) async {
        // Thrift callers know no DRAIN: they leave first, while everyone else goes on; the last quarter of the time is the others'.
        await host.drain(within: limit, first: { [door] in await door?.drain(within: limit * 3 / 4, atOnce: atOnce) })
    }

    /// Gets ready to go by other settings while members and Thrift callers stay (rule S26). Listen addresses, the hub's id and its largest frame are
    /// the same, and the door for Thrift callers is there or not as before.
    ///
    /// Who is registered stays so, whatever the new list says; a HELLO that comes from here on, a later one of a link that stands too, is judged by the
    /// new list. A link that stands keeps the heartbeat that it was told, a call that is open its deadline.
    /// - Returns: takes the settings over, on every loop.
    /// - Throws: `TLSFileError`; then nothing has changed.
    public func prepare(_ settings: RPCHubSettings) throws -> @Sendable () async -> Void {
        let takeOver = try host.prepare(settings.limits) { $0 == .callers ? settings.callersOptions : settings.agentsOptions }
        let door = try settings.thrift.flatMap { thrift in try self.door?.prepare(thrift.door) }
        return { [self] in
            takeOver()
            await door?()
            for shard in host.shards { try? await shard.loop.eventLoop.submit { shard.take(settings) }.get() }
            self.settings.withLock { $0 = settings }
        }
    }
}
