import Links
import NIOCore
public import Telemetry

/// How it is seen and operated by those who run the process.
extension RPCProxy {
    public func links(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.links(of: linkLoops, query, role: role) }
    public func closedLinks(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.closed(of: linkLoops, query, role: role) }
    public func tap(_ id: UInt64, _ tap: any StreamTap) async { await LinkInspection.tap(id, tap, on: linkLoops) }
    public func untap(_ id: UInt64) async { await LinkInspection.untap(id, on: linkLoops) }

    public func routes() async -> [RouteView] {
        var sum: [RouteView] = []
        for view in await ask({ $0.routeViews() }).flatMap(\.self) {
            if let place = sum.firstIndex(where: { $0.name == view.name }) { sum[place].add(view) } else { sum.append(view) }
        }
        return sum
    }

    public func pools() async -> [PoolView] {
        var sum: [PoolView] = []
        for view in await ask({ $0.poolViews() }).flatMap(\.self) {
            if let place = sum.firstIndex(where: { $0.route == view.route && $0.address == view.address }) {
                sum[place].add(view)
            } else {
                sum.append(view)
            }
        }
        return sum
    }

    public func pending() async -> [PendingView] {
        var sum: [PendingView] = []
        for view in await ask({ $0.pendingViews() }).flatMap(\.self) {
            if let place = sum.firstIndex(where: { $0.route == view.route }) { sum[place].add(view) } else { sum.append(view) }
        }
        return sum
    }

    public func perform(_ command: RoleCommand) async -> Int {
        guard case .closeLink(let id) = command else { return 0 }
        return await LinkInspection.close(id, on: linkLoops)
    }

    /// One answer of each loop, in their order.
    private func ask<Answer: Sendable>(_ question: @escaping @Sendable (ProxyLoop) -> Answer) async -> [Answer] {
        let futures = loops.map { loop in loop.loop.eventLoop.submit { question(loop) } }
        var answers: [Answer] = []
        for future in futures { if let answer = try? await future.get() { answers.append(answer) } }
        return answers
    }

    private var linkLoops: [LinkLoop] { loops.map(\.loop) }
}
