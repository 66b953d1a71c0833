public import Links
public import Logging
public import NIOCore
public import Routing
public import Sessions
public import Wire

/// What a packet server is told at start; every default is sensible for a server behind a gateway on the same machine.
public struct PacketServerSettings: Sendable {
    /// Who connects.
    public enum Peers: String, Sendable, CaseIterable {
        /// Real clients. The server gives each a session (rule S9), holds it to ``PacketServerSettings/limits`` (rule S16), and obeys no
        /// control packet from it.
        case clients
        /// Gateways, with the headers of their clients. They are trusted, so a listener beyond loopback is warned about.
        case gateways
    }

    /// Where to listen; port 0 lets the system choose.
    public var listen: Endpoint
    /// Who connects there.
    public var peers = Peers.gateways
    /// Who may connect, and how: address lists, PROXY headers, TLS; by default everyone, in clear.
    public var access = ListenerOptions()
    /// How header integers read on the links (protocol section 1).
    public var wire = WireFormat.standard
    /// Limits on clients, with ``Peers/clients``.
    public var limits = ClientLimits()
    /// Types that an unbound client may send, with ``Peers/clients`` (rule S9).
    public var publicTypes = TypeSet.applicationTypes
    /// What becomes of a user and token that a client claims, with ``Peers/clients`` (rule S9).
    public var verify = Identity.Verify.strict
    /// The `Es_id` in the headers of clients, with ``Peers/clients``.
    public var es: UInt32 = 1
    /// A gateway that is silent for this long is asked, and given up after three (rule S17).
    public var heartbeat: TimeAmount = .seconds(10)
    /// Bytes queued toward a gateway from which it is not read, until half of them are gone.
    public var highWater = 1 << 20
    /// Bytes queued toward a gateway before its link is closed with code 16.
    public var maxPending = 8 << 20
    /// Bytes of all queues together (rule S13); nil is 1 GiB of its own.
    public var memory: MemoryBudget?
    /// How long leaving may take (rule S25).
    public var drainTimeout: TimeAmount = .seconds(30)
    /// What the server is called in labels, logs and `/status`.
    public var name = "packetServer"
    /// Hears what an operator should.
    public var logger = Logger(label: "packetServer")

    /// Settings for a server at `listen`.
    public init(listen: Endpoint, peers: Peers = .gateways) {
        self.listen = listen
        self.peers = peers
    }
}
