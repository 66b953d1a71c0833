import Links
import Membership
import NIOCore
public import Telemetry
import ThriftLink

/// How the hub is seen and operated; each answer is gathered on the loops, between their turns.
extension RPCHub {
    var listeners: [RoleStatus.Listener] {
        host.listeners + (door?.address.map { [RoleStatus.Listener(side: Side.thrift.rawValue, address: "\($0)")] } ?? [])
    }

    public func samples() async -> [Sample] {
        await host.samples(role: role) + (await door?.samples(role: role) ?? [])
    }

    public func status() async -> RoleStatus {
        var status = await host.status(role: role)
        status.listeners = listeners
        status.links += door?.connections ?? 0
        return status
    }

    public func pending() async -> [PendingView] {
        var calls = PendingView(role: role, route: "callers", what: "calls", count: 0)
        for shard in host.shards { if let view = await shard.answer({ $0.pending() }) { calls.add(view) } }
        return [calls]
    }

    public func registry() async -> [RegistrationView] { await host.registry(role: role) }
    public func links(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.links(of: host.loops, query, role: role) }
    public func closedLinks(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.closed(of: host.loops, query, role: role) }
    public func tap(_ id: UInt64, _ tap: any StreamTap) async { await LinkInspection.tap(id, tap, on: host.loops) }
    public func untap(_ id: UInt64) async { await LinkInspection.untap(id, on: host.loops) }
    public func perform(_ command: RoleCommand) async -> Int { await host.perform(command) }
}
