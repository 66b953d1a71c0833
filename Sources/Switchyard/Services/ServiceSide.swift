import Links
import Membership
import NIOCore
import Routing
import Telemetry
import Wire

/// What the hubs of one service share: which of them takes a packet (rule S30).
///
/// `@unchecked Sendable`: confined to its desk's event loop, except what never changes.
final class ServiceSide: @unchecked Sendable {
    let desk: LaneDesk
    let settings: ServiceLinkSettings
    var choice = HubChoice<HubPort>()
    private var ports: [HubPort] = []
    private var claims: [Claim]
    private var isLeaving = false

    /// Edges that are named one by one when not every hub reaches all of them.
    private static let maxNamed = 4_096

    init(desk: LaneDesk, settings: ServiceLinkSettings) {
        self.desk = desk
        self.settings = settings
        claims = ServiceSide.claims(of: settings.types ?? desk.router.types)
        desk.toLoop = { [unowned self] packet in packet.body.withUnsafeReadableBytes { send(packet.header, $0, cameBy: nil) } }
    }

    private static func claims(of types: TypeSet) -> [Claim] {
        types.ranges.map { Claim(UInt32($0.lowerBound), UInt32($0.upperBound)) }
    }

    // MARK: - Hubs

    /// Dials a hub from here on; done when the first attempt has ended.
    func dial(_ address: SocketAddress, from source: AddressSource) -> EventLoopFuture<Void> {
        guard !isLeaving else { return desk.loop.eventLoop.makeSucceededVoidFuture() }
        let wantsEnds = desk.router.closedHandler != nil || desk.router.edgeResetHandler != nil
        let hello = Hello(
            role: .service, flags: wantsEnds ? [.sessionClosed] : [], cluster: settings.cluster, node: settings.node, claims: claims,
            token: settings.token, name: settings.name)
        let port = HubPort(side: self, address, from: source, rank: source.position << 32 | ports.count, hello: hello)
        ports.append(port)
        return port.hub.start()
    }

    func register(_ types: TypeSet) {
        claims = ServiceSide.claims(of: types)
        for port in ports { port.hub.claim(claims) }
    }

    func leave(within limit: TimeAmount) -> EventLoopFuture<Void> {
        isLeaving = true
        return EventLoopFuture.andAllComplete(ports.map { $0.hub.leave(within: limit) }, on: desk.loop.eventLoop)
    }

    func cut() {
        for port in ports { port.hub.cut() }
        desk.abandonLanes()
    }

    // MARK: - Out

    /// A packet for an edge, or for every edge. What cannot be sent is dropped and counted: a service's packet has no one to be told.
    func send(_ header: PacketHeader, _ body: UnsafeRawBufferPointer, cameBy: HubPort?) {
        guard header.es != PacketHeader.everyEdge else { return sendEverywhere(header, body) }
        if let port = choice.choose(header.es, slot: Choice.slot(of: header.session)) { return port.append(header, body) }
        // A hub that leaves still takes the answers to what came over it, and one that has not listed an edge yet has just heard from it.
        if let cameBy, cameBy.takesAnswers { return cameBy.append(header, body) }
        drop(choice.absence == .draining ? .draining : .noPeer)
    }

    private func sendEverywhere(_ header: PacketHeader, _ body: UnsafeRawBufferPointer) {
        guard let (first, beyond) = choice.everywhere() else { return drop(choice.absence == .draining ? .draining : .noPeer) }
        first.append(header, body)
        var named = 0
        for (edges, port) in beyond {
            // A hub that reaches more than it can list cannot be asked for the edges that another lacks.
            guard named + edges.count <= ServiceSide.maxNamed else {
                drop(.noPeer)
                continue
            }
            named += edges.count
            for edge in edges {
                var single = header
                single.es = edge
                port.append(single, body)
            }
        }
    }

    func drop(_ code: Code) { desk.counters.undelivered.add(code) }

    // MARK: - Inspection

    func samples(role: String) -> [Sample] {
        ports.map { Sample(.reconnects, role, $0.hub.address.text, value: $0.hub.redials) }
    }

    var peers: [RoleStatus.Peer] {
        ports.map { port in
            let state = port.hub.isOpen ? "up" : port.hub.isUp ? "draining" : "down"
            return RoleStatus.Peer(route: "hubs", address: port.hub.address.text, state: state, queuedBytes: port.hub.link?.queued ?? 0)
        }
    }
}
