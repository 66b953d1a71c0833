import Links
import NIOCore
import RPCLink
public import Telemetry

/// How the agent is seen and operated.
extension RPCAgent {
    public func links(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.links(of: linkLoops, query, role: role) }
    public func closedLinks(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.closed(of: linkLoops, query, role: role) }
    public func tap(_ id: UInt64, _ tap: any StreamTap) async { await LinkInspection.tap(id, tap, on: linkLoops) }
    public func untap(_ id: UInt64) async { await LinkInspection.untap(id, on: linkLoops) }

    private var linkLoops: [LinkLoop] { [worker.desk.loop] }

    public func pending() async -> [PendingView] {
        let (worker, role) = (worker, role)
        let calls = try? await worker.desk.loop.eventLoop.submit { worker.desk.pending(role: role) }.get()
        return calls.map { [$0] } ?? []
    }

    public func perform(_ command: RoleCommand) async -> Int {
        guard case .closeLink(let id) = command else { return 0 }
        return await LinkInspection.close(id, on: linkLoops)
    }
}
