import Links
import Logging
import Membership
import NIOCore
import Synchronization
import Telemetry
import Wire

/// One hub as the gateway's route to services that no one has told it the addresses of (rules S12, S25, S30). Lives on the loop that owns
/// the link; every loop works what it says into its own ``HubChoice``.
final class HubUpstream: Upstream, HubLinkUser {
    let connection: Connection
    let shard: Shard
    private(set) var hub: HubLink!
    let rerouted = ReroutedRanges()
    /// All hubs together hear once that earlier sessions are gone: whoever hears it first passes it on to every service that asked.
    let announcement = GatewayContext.hubs
    /// Loops that still may have packets for a leaving hub on their way.
    private var loopsToStop = 0
    /// A reload has taken it out.
    private var isLeaving = false

    init(_ address: SocketAddress, from source: AddressSource, connection: Connection, shard: Shard, hubs: GatewaySettings.Hubs) {
        self.connection = connection
        self.shard = shard
        let settings = shard.settings
        let hello = Hello(role: .edge, cluster: settings.cluster, node: UInt64(settings.esID), token: hubs.token, name: hubs.name)
        hub = HubLink(address, from: source, rank: connection.trunk.rank, hello: hello, wire: PacketHubWire(), on: shard.loop, user: self)
    }

    var name: String { hub.name }

    func start() -> EventLoopFuture<Void> { hub.start() }

    private func tellLoops(_ change: HubChange) {
        let id = connection.id
        shard.toEach { $0.hubChanged(id, change) }
    }

    // MARK: - Up and down

    func hubIsUp(_ hub: HubLink, _ welcome: Welcome) {
        connection.link = hub.link
        rerouted.clear()
        if let link = hub.link { announceOnce(link) }
        tellLoops(.up(id: welcome.hub))
    }

    func hub(_ hub: HubLink, reaches peers: Peers) { tellLoops(.reaches(peers)) }

    func hubIsDown(_ hub: HubLink, _ code: Code) {
        shard.counters.hubsClosed.add(code)
        tellLoops(.down)
    }

    func hub(_ hub: HubLink, left remains: Remains) {
        connection.link = nil
        connection.trunk.queued.store(0, ordering: .relaxed)
        settle(remains)
        shard.wakeWaiters(of: connection)
    }

    func hubDrained(_ hub: HubLink, _ link: Link) {
        link.resumeMark = nil
        shard.wakeWaiters(of: connection)
    }

    func hub(_ hub: HubLink, event kind: String, level: Logger.Level, _ message: String) {
        shard.log.event(kind, level: level, message)
    }

    // MARK: - Leaving (rule S25)

    func hubIsLeaving(_ hub: HubLink) { stopLoops() }

    private func stopLoops() {
        loopsToStop = shard.shards.count
        let id = connection.id
        shard.toEach { shard in
            shard.hubChanged(id, .draining)
            shard.confirmStopped(id)
        }
    }

    func loopStopped() {
        loopsToStop -= 1
        guard loopsToStop == 0 else { return }
        if isLeaving { _ = hub.leave(within: HubUpstream.retirement) } else { hub.answeredEverything() }
    }

    var isRetired: Bool { hub.isRetired }

    func retire() {
        guard !isLeaving else { return }
        isLeaving = true
        guard hub.isUp else {
            _ = hub.leave(within: HubUpstream.retirement)
            return
        }
        shard.log.event("retired", level: .info, "\(name) is no longer listed; it gets nothing new")
        stopLoops()
    }

    /// What a retired hub is told that it has.
    private static let retirement = TimeAmount.seconds(30)

    func leave(within limit: TimeAmount) -> EventLoopFuture<Void> { hub.leave(within: limit) }
    func hubHasStopped(_ hub: HubLink) { hub.done() }
    func cut() { hub.cut() }
}
