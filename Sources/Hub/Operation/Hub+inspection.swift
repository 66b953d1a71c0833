import Links
import Membership
public import Telemetry

/// How the hub is seen and operated; each answer is gathered on the loops, between their turns.
extension Hub {
    public func samples() async -> [Sample] { await host.samples(role: role) }
    public func status() async -> RoleStatus { await host.status(role: role) }
    public func registry() async -> [RegistrationView] { await host.registry(role: role) }
    public func links(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.links(of: host.loops, query, role: role) }
    public func closedLinks(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.closed(of: host.loops, query, role: role) }
    public func tap(_ id: UInt64, _ tap: any StreamTap) async { await LinkInspection.tap(id, tap, on: host.loops) }
    public func untap(_ id: UInt64) async { await LinkInspection.untap(id, on: host.loops) }
    public func perform(_ command: RoleCommand) async -> Int { await host.perform(command) }
}
