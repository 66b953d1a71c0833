import Links
public import Telemetry

/// How it is seen and operated by those who run the program.
extension PacketServer {
    /// The links that are open and match.
    public func links(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.links(of: linkLoops, query, role: role) }
    /// The last links that have ended and match.
    public func closedLinks(_ query: LinkQuery) async -> [LinkView] { await LinkInspection.closed(of: linkLoops, query, role: role) }
    /// How full each lane is.
    public func laneViews() async -> [LanesView] { [LanesView(role: role, depths: lanes.depths, stalls: lanes.stallCount)] }
    /// Lets `tap` hear what links read and write, under that number.
    public func tap(_ id: UInt64, _ tap: any StreamTap) async { await LinkInspection.tap(id, tap, on: linkLoops) }
    /// Ends what ``tap(_:_:)`` has begun.
    public func untap(_ id: UInt64) async { await LinkInspection.untap(id, on: linkLoops) }

    /// Does what an operator asks; returns how many links it concerned.
    public func perform(_ command: RoleCommand) async -> Int {
        guard case .closeLink(let id) = command else { return 0 }
        return await LinkInspection.close(id, on: linkLoops)
    }

    private var linkLoops: [LinkLoop] { desks.map(\.loop) }
}
