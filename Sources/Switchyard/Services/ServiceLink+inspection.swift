import Links
public import Telemetry

/// How it is seen and operated by those who run the program.
extension ServiceLink {
    public func links(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.links(of: linkLoops, query, role: role) }
    public func closedLinks(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.closed(of: linkLoops, query, role: role) }
    public func laneViews() async -> [LanesView] { [LanesView(role: role, depths: lanes.depths, stalls: lanes.stallCount)] }
    public func tap(_ id: UInt64, _ tap: any StreamTap) async { await LinkInspection.tap(id, tap, on: linkLoops) }
    public func untap(_ id: UInt64) async { await LinkInspection.untap(id, on: linkLoops) }

    public func perform(_ command: RoleCommand) async -> Int {
        guard case .closeLink(let id) = command else { return 0 }
        return await LinkInspection.close(id, on: linkLoops)
    }

    private var linkLoops: [LinkLoop] { [desk.loop] }
}
