import Links
import NIOCore
import Sessions
import Synchronization
public import Telemetry
import Wire

/// How the gateway is seen and operated; each answer is gathered on the loops, between their turns.
extension Gateway {
    public func links(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.links(of: linkLoops, query, role: role) }
    public func closedLinks(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.closed(of: linkLoops, query, role: role) }
    public func tap(_ id: UInt64, _ tap: any StreamTap) async { await LinkInspection.tap(id, tap, on: linkLoops) }
    public func untap(_ id: UInt64) async { await LinkInspection.untap(id, on: linkLoops) }

    private var linkLoops: [LinkLoop] { shards.map(\.loop) }

    public func routes() async -> [RouteView] {
        let table = state.withLock { $0.table }
        let routes = await merged({ $0.routeViews() }, adding: { $0.add($1) })
        // One that was removed is shown until its last connection is closed.
        return routes.enumerated().filter { table.isListed($0) || !$1.upstreams.isEmpty }.map(\.element)
    }

    public func pending() async -> [PendingView] {
        let table = state.withLock { $0.table }
        return await merged({ $0.pendingViews() }, adding: { $0.add($1) }).enumerated().filter { table.isListed($0) || $1.count > 0 }.map(\.element)
    }

    /// What the loops say, place by place; one may know a new route before another does.
    private func merged<View: Sendable>(_ question: @escaping @Sendable (Shard) -> [View], adding add: (inout View, View) -> Void) async -> [View] {
        await ask(question).reduce(into: []) { sum, views in
            for (place, view) in views.enumerated() { if place < sum.count { add(&sum[place], view) } else { sum.append(view) } }
        }
    }

    public func perform(_ command: RoleCommand) async -> Int {
        switch command {
        case .closeLink(let id): await LinkInspection.close(id, on: linkLoops)
        case .kick(let session, let user, let code, let reason):
            await ask { $0.kick(session: session, user: user, code, reason) }.reduce(0, +)
        case .disable(let address): await ask { $0.disable(true, address) }.reduce(0, +)
        case .enable(let address): await ask { $0.disable(false, address) }.reduce(0, +)
        }
    }

    /// One answer of each loop, in their order.
    private func ask<Answer: Sendable>(_ question: @escaping @Sendable (Shard) -> Answer) async -> [Answer] {
        let futures = shards.map { shard in shard.loop.eventLoop.submit { question(shard) } }
        var answers: [Answer] = []
        for future in futures { if let answer = try? await future.get() { answers.append(answer) } }
        return answers
    }
}
