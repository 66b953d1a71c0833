import Links
import NIOCore
public import Telemetry

/// How the hub is seen and operated; each answer is gathered on the loops, between their turns.
extension RPCHub {
    public func links(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.links(of: linkLoops, query, role: role) }
    public func closedLinks(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.closed(of: linkLoops, query, role: role) }
    public func tap(_ id: UInt64, _ tap: any StreamTap) async { await LinkInspection.tap(id, tap, on: linkLoops) }
    public func untap(_ id: UInt64) async { await LinkInspection.untap(id, on: linkLoops) }

    private var linkLoops: [LinkLoop] { shards.map(\.loop) }

    public func registry() async -> [RegistrationView] {
        var registered: [RegistrationView] = []
        for shard in shards { registered += (try? await shard.loop.eventLoop.submit { shard.registrations() }.get()) ?? [] }
        return registered.sorted { ($0.side, $0.generation) < ($1.side, $1.generation) }
    }

    public func pending() async -> [PendingView] {
        var calls = PendingView(role: role, route: "callers", what: "calls", count: 0)
        for shard in shards { if let view = try? await shard.loop.eventLoop.submit({ shard.pending() }).get() { calls.add(view) } }
        return [calls]
    }

    public func perform(_ command: RoleCommand) async -> Int {
        guard case .closeLink(let id) = command else { return 0 }
        return await LinkInspection.close(id, on: linkLoops)
    }
}
