public import Links
public import Logging
import Membership
public import NIOCore
import Synchronization
public import Telemetry

/// The hub role (part 6 of the old fleet: `cluster_server_proxy`): edges dial one port, services another, each says who it is, and packets
/// find their way by id: from an edge to the service for (cluster, type), from a service to the edge that the packet names.
public final class Hub: ProcessRole {
    public let role = "hub"
    let host: HubHost<Shard>
    /// What the hub goes by now.
    let settings: Mutex<HubSettings>

    /// - Parameters:
    ///   - group: its event loops serve the hub's links; at most 64 are used.
    ///   - memory: the bound on the queues of the whole process.
    public init(_ settings: HubSettings, group: any EventLoopGroup, memory: MemoryBudget, logger: Logger) {
        self.settings = Mutex(settings)
        host = HubHost(
            group: group, limits: settings.limits, memory: memory, logger: logger, tables: { TableBuilder(loops: $0) },
            shard: { Shard(index: $0, eventLoop: $1, context: $2, settings: settings, table: $3) })
    }

    /// Listens on both ports and serves.
    /// - Returns: where edges and services connect.
    /// - Throws: one clear line when it cannot listen; then nothing has been started.
    public func start() async throws -> [RoleStatus.Listener] {
        let settings = settings.withLock { $0 }
        try await host.start([
            .init(.edges, settings.edges, settings.edgesOptions) { MemberLink(shard: $0, port: .edges).link },
            .init(.services, settings.services, settings.servicesOptions) { MemberLink(shard: $0, port: .services).link },
        ])
        return host.listeners
    }

    /// Leaves in the order of rule S25: edges drain first, then services; services' links close when all is said, edges' last.
    public func drain(within limit: Duration, atOnce: Bool) async { await host.drain(within: limit) }

    /// Gets ready to go by other settings while members stay (rule S26). Listen addresses and the hub's id are the same.
    ///
    /// Who is registered stays so, whatever the new list says; a HELLO that comes from here on, a later one of a link that stands too, is judged by the
    /// new list. A link that stands keeps the heartbeat that it was told.
    /// - Returns: takes the settings over, on every loop.
    /// - Throws: `TLSFileError`; then nothing has changed.
    public func prepare(_ settings: HubSettings) throws -> @Sendable () async -> Void {
        let takeOver = try host.prepare(settings.limits) { $0 == .edges ? settings.edgesOptions : settings.servicesOptions }
        return { [self] in
            takeOver()
            for shard in host.shards { try? await shard.loop.eventLoop.submit { shard.take(settings) }.get() }
            self.settings.withLock { $0 = settings }
        }
    }
}
