import Links
import Synchronization

/// What all loops share about one connection to an upstream. Only the counters change.
final class Trunk: Sendable {
    /// Its place in every loop's list of connections.
    let id: Int
    /// Its route's place in every loop's list of routes.
    let route: Int
    /// The loop that owns the link.
    let loop: Int
    /// The resolved address.
    let address: String
    /// Which of the connections to that address this is.
    let index: Int
    /// What the choice function knows it by (protocol section 4, "Choice"). A hub says its own in WELCOME.
    let node: UInt64
    /// A hub's place in `hubs.to`, and among the addresses of one name.
    let rank: Int

    /// Bytes in the link's queue, as its loop last told.
    let queued = Atomic<Int>(0)
    /// Bytes that other loops have handed over and the link's loop has not taken yet.
    let crossing = Atomic<Int>(0)
    /// One bit for each loop that has stopped reading clients because of this connection.
    let waiters = Atomic<UInt64>(0)

    init(id: Int, route: Int, loop: Int, address: String, index: Int, node: UInt64, rank: Int = 0) {
        self.id = id
        self.route = route
        self.loop = loop
        self.address = address
        self.index = index
        self.node = node
        self.rank = rank
    }

    var pending: Int { queued.load(ordering: .sequentiallyConsistent) + crossing.load(ordering: .sequentiallyConsistent) }
}

/// One loop's view of a ``Trunk``.
final class Connection {
    enum State { case down, up, draining }

    /// Shared by all loops; what is asked for each packet stands in this view, not to fight over the reference count.
    let trunk: Trunk
    let id: Int
    let loop: Int
    let route: ShardRoute
    var state = State.down
    /// An operator has taken it out of the choice; known to the loop that owns the link.
    var isDisabled = false
    /// The link, on the loop that owns it and while it stands.
    @exclusivity(unchecked) var link: Link? { didSet { linkReference = link.map(Unmanaged.passUnretained) } }
    /// ``link``, for what is done for each packet: reading a variable counts a reference.
    @exclusivity(unchecked) private(set) var linkReference: Unmanaged<Link>?
    /// The one who dials, on the loop that owns it.
    var upstream: (any Upstream)?
    /// Clients that are not read until the queue has gone down.
    var paused: [ClientLink] = []
    /// Bytes that this loop has put into its outbox for it in this turn.
    @exclusivity(unchecked) var staged = 0
    /// What waited for it when the first of them was put there.
    @exclusivity(unchecked) private var seen = 0

    /// Bytes that wait for a connection of another loop, looked up once a turn.
    var pendingRemotely: Int {
        if staged == 0 { seen = trunk.pending }
        return seen + staged
    }

    /// Bytes that wait for it, as far as this loop knows.
    var queued: Int { link?.queued ?? trunk.pending + staged }

    init(trunk: Trunk, route: ShardRoute) {
        self.trunk = trunk
        id = trunk.id
        loop = trunk.loop
        self.route = route
    }
}
