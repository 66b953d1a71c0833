import Links
import NIOCore
import Sessions
import Telemetry
import Wire

/// A link whose packets go to handlers. Subclasses say what a peer of their side may say, and how it is told.
///
/// `@unchecked Sendable`: confined to its desk's event loop.
class DeskLink: LinkOwner, SessionHolder, @unchecked Sendable {
    final let desk: LaneDesk
    /// The connection; a hub's is another one after each dial, and nil before the first.
    @exclusivity(unchecked) final var link: Link!
    /// Its number in the desk's table, which a client knows as its session; 0 while it has none.
    @exclusivity(unchecked) final private(set) var session: UInt64 = 0
    /// What other threads know it by; set with ``session``, and kept when that has ended.
    @exclusivity(unchecked) final private(set) var handle: LinkHandle!
    /// Its packets that are in lanes.
    @exclusivity(unchecked) final var inLanes = 0
    private let dialed: String?

    /// A connection that will be accepted.
    init(desk: LaneDesk) {
        self.desk = desk
        dialed = nil
        link = Link(loop: desk.loop, owner: self)
    }

    /// A peer at that address that is dialed; whoever dials sets ``link``.
    init(desk: LaneDesk, address: String) {
        self.desk = desk
        dialed = address
    }

    /// Takes a number; false when the loop has none left.
    final func enroll() -> Bool {
        guard let number = desk.links.insert(self) else { return false }
        session = number
        handle = LinkHandle(desk: desk, number: number, address: dialed ?? link.remote)
        return true
    }

    final func withdraw() {
        guard session != 0 else { return }
        desk.links.remove(session)
        session = 0
    }

    // MARK: - What a side decides

    /// The header format of the link.
    var format: WireFormat { .standard }
    /// A packet from a handler or from a push.
    /// A side that has no way for it drops it, counted. `link` is ``link``, which whoever hands over many has looked at once, and holds.
    func accept(_ header: PacketHeader, _ body: UnsafeRawBufferPointer, on link: Unmanaged<Link>?) { desk.counters.goneReplies += 1 }
    /// The answer of a handler to the packet that it looks at in place, which came by `link`.
    func answer(_ header: PacketHeader, _ body: UnsafeRawBufferPointer, on link: Unmanaged<Link>) {}
    /// None of its packets is in a lane any more.
    func lanesSettled() {}

    /// What those who look at links see.
    func description(of link: Link) -> LinkDescription { LinkDescription(side: .route, name: dialed, framing: .packets(format)) }
    /// The code of an end that the peer brought about without a word.
    var codeOfSilentEnd: Code { .lost }

    func linkOpened(_ link: Link) {}
    func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed { Consumed(bytes: bytes.count, needed: PacketHeader.size) }
    func linkDrained(_ link: Link) {}
    func link(_ link: Link, closed end: LinkEnd) {}
    func timerFired(_ timer: LoopTimer) {}

    // MARK: - What every side does

    /// Tells the sender what became of its packet (rule S1).
    final func undeliverable(_ code: Code, _ header: PacketHeader, _ body: UnsafeRawBufferPointer, reason: String? = nil) {
        desk.counters.undelivered.add(code)
        let frame = UndeliveredFrame(code: code.rawValue, lost: header, body: body, reason: reason ?? code.name)
        tell(frame)
    }

    /// The way of an UNDELIVERED to the one whose packet it is about.
    func tell(_ frame: UndeliveredFrame) { link.append(frame, format: format) }

    /// Walks the packets of one read, handing each to `take`, which returns whether to go on.
    @inline(__always)
    final func walk(_ bytes: UnsafeRawBufferPointer, format: WireFormat, take: (PacketHeader, UnsafeRawPointer) -> Bool) -> Walk {
        guard let base = bytes.baseAddress else { return Walk(bytes: 0, needed: PacketHeader.size) }
        var offset = 0
        while bytes.count - offset >= PacketHeader.size {
            let header = PacketHeader(at: base + offset, format: format)
            guard header.length >= PacketHeader.size else { return Walk(bytes: offset, needed: PacketHeader.size, badLength: header.length) }
            guard header.length <= bytes.count - offset else { return Walk(bytes: offset, needed: header.length) }
            let body = base + offset + PacketHeader.size
            offset += header.length
            if !take(header, body) { return Walk(bytes: offset, needed: PacketHeader.size) }
        }
        let rest = bytes.count - offset
        guard rest >= 2 else { return Walk(bytes: offset, needed: 2) }
        // A length that cannot be is known by its two bytes.
        let length = PacketHeader.length(at: base + offset, format: format)
        return Walk(bytes: offset, needed: PacketHeader.size, badLength: length < PacketHeader.size ? length : nil)
    }

    /// How far a walk came.
    struct Walk {
        var bytes: Int
        var needed: Int
        /// The length in the header at which the stream cannot go on.
        var badLength: Int?
    }
}

/// What one event loop of a server or service link counts.
struct DeskCounters {
    var packetsIn = 0
    var packetsOut = 0
    var bytesIn = 0
    var bytesOut = 0
    var undelivered = CodeCounts()
    var closed = CodeCounts()
    var security = [Int](repeating: 0, count: SecurityKind.allCases.count)
    /// Replies and pushes for links that are gone.
    var goneReplies = 0
    /// Ends of sessions that found their lane full.
    var lostNotices = 0
    var ignored = 0
    var multicastDelivered = 0
    var multicastAbsent = 0

    mutating func security(_ kind: SecurityKind) { security[kind.rawValue] += 1 }
}
