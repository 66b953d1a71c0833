import Synchronization
import Wire

/// What the packets of one read have in common: where they came from, and the handler that their type has while it stays the same. Lives on
/// the stack of whoever walks the read, so that a packet for an inline handler counts no reference for it.
struct ReadPass {
    /// What a handler knows of the sender of the packet that is being handled.
    private(set) var connection: PacketConnection
    /// The type that was looked up last; none at first.
    private var type: Int32 = -1
    /// Its handler, when that is an inline one. Guard: the desk's router holds it, and whoever walks a read holds the desk.
    private(set) var inline: Unmanaged<PacketRouter.InlineRoute>?
    /// Its handler, when that looks at packets where they lie. Guard: as above.
    private(set) var inPlace: Unmanaged<PacketRouter.InPlaceRoute>?
    /// Its handler, when that runs in lanes. Guard: as above.
    private(set) var lane: Unmanaged<PacketRouter.LaneRoute>?

    /// No handler is called any more (rule S25).
    let isStopped: Bool

    init(_ origin: LinkHandle, of desk: LaneDesk) {
        isStopped = desk.isStopped.load(ordering: .relaxed)
        connection = PacketConnection(origin: origin, header: PacketHeader(bodyCount: 0, type: 0))
    }

    /// The next packet is this one.
    @inline(__always)
    mutating func turn(to header: PacketHeader, of router: PacketRouter) {
        connection.turn(to: header)
        guard Int32(header.type) != type else { return }
        type = Int32(header.type)
        take(router.route(of: header.type))
    }

    @inline(never)
    private mutating func take(_ route: PacketRouter.Route) {
        (inline, inPlace, lane) = (nil, nil, nil)
        guard !isStopped else { return }
        switch route {
        case .none: break
        case .lane(let route): lane = Unmanaged.passUnretained(route)
        case .inline(let route): inline = Unmanaged.passUnretained(route)
        case .inPlace(let route): inPlace = Unmanaged.passUnretained(route)
        }
    }
}
