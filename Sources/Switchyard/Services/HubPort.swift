import Links
import Logging
import Membership
import NIOCore
import Routing
import Telemetry
import Wire

/// One hub of a service: what comes from it goes to lanes; what goes to it was chosen by ``ServiceSide``.
///
/// It outlives its connections: a service that has lost a hub goes on answering living sessions, over whichever hub reaches them
/// (rule S7).
///
/// `@unchecked Sendable`: as its superclass.
final class HubPort: DeskLink, HubLinkUser, @unchecked Sendable {
    private unowned let side: ServiceSide
    // Guard: set once in `init`.
    private(set) var hub: HubLink!
    private var isHubLeaving = false
    private var hasAnswered = false
    private var hasHubStopped = false
    private var isHeld = false

    init(side: ServiceSide, _ address: SocketAddress, from source: AddressSource, rank: Int, hello: Hello) {
        self.side = side
        super.init(desk: side.desk, address: address.text)
        hub = HubLink(address, from: source, rank: rank, hello: hello, wire: PacketHubWire(), on: side.desk.loop, user: self)
        // The table has room for millions, and a service has a handful of hubs.
        _ = enroll()
    }

    private var settings: ServiceLinkSettings { side.settings }
    private var rank: Int { hub.rank }

    /// What came over it may be answered over it: it is up, and we have not said that nothing follows.
    var takesAnswers: Bool { hub.isUp && !hasAnswered }

    // MARK: - Up and down

    func hubIsUp(_ hub: HubLink, _ welcome: Welcome) {
        link = hub.link
        (isHubLeaving, hasAnswered, hasHubStopped, isHeld) = (false, false, false, false)
        desk.openLinks += 1
        if side.choice.welcome(self, id: welcome.hub, rank: rank) {
            desk.log.event(
                "double", level: .error, "\(hub.name) has the hub id of another live hub: \(welcome.hub); only the first in the list is used")
        }
    }

    func hub(_ hub: HubLink, reaches peers: Peers) { side.choice.reach(HubChoice.Reach(peers), rank: rank) }

    func hubIsDown(_ hub: HubLink, _ code: Code) {
        desk.counters.closed.add(code)
        desk.openLinks -= 1
        side.choice.remove(rank: rank)
    }

    /// What was queued and not written goes over another hub, once; what the socket was taking may have arrived and is not said twice
    /// (rules S2, S3).
    func hub(_ hub: HubLink, left remains: Remains) {
        for block in remains.held {
            block.withUnsafeReadableBytes { bytes in
                _ = walk(bytes, format: .standard) { header, body in
                    let isOurs = !header.isControl || [.kick, .bind, .multicast, .undelivered].contains(ControlType(rawValue: header.type))
                    if isOurs { side.send(header, UnsafeRawBufferPointer(start: body, count: header.bodyCount), cameBy: nil) }
                    return true
                }
            }
        }
    }

    func hub(_ hub: HubLink, event kind: String, level: Logger.Level, _ message: String) { desk.log.event(kind, level: level, message) }

    // MARK: - In

    func hub(_ hub: HubLink, on link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        guard let handle else { return Consumed(bytes: bytes.count, needed: PacketHeader.size) }
        var pass = ReadPass(handle, of: desk)
        let walk = walk(bytes, format: .standard) { header, body in
            if header.isControl {
                control(header, UnsafeRawBufferPointer(start: body, count: header.bodyCount))
            } else {
                desk.dispatch(header, body, from: self, on: link, &pass) { side.send($0, $1, cameBy: self) }
            }
            return link.takesMore
        }
        desk.counters.bytesIn += walk.bytes
        if let length = walk.badLength {
            hub.violated("Pack_len gives a packet of \(length) bytes, the least is \(PacketHeader.size)")
            return Consumed(bytes: bytes.count, needed: PacketHeader.size)
        }
        return Consumed(bytes: walk.bytes, needed: walk.needed)
    }

    private func control(_ header: PacketHeader, _ body: UnsafeRawBufferPointer) {
        guard let kind = ControlType(rawValue: header.type) else {
            desk.counters.ignored += 1
            return
        }
        switch kind {
        case .ping:
            guard body.count <= Ping.maxBody else { return undeliverable(.badRequest, header, body, reason: "badRequest: PING over 64 bytes") }
            var pong = header
            pong.type = ControlType.pong.rawValue
            write(pong, body)
        case .pong: break
        case .sessionClosed: sessionClosed(header, ByteBuffer(bytes: body))
        case .undelivered:
            // What we pushed did not arrive: the code is counted, and nobody waits for it.
            if let report = try? Undelivered(body: ByteBuffer(bytes: body), format: .standard) { desk.counters.undelivered.add(raw: report.code) }
        case .hello, .kick, .bind, .multicast:
            desk.counters.security(.kind)
            desk.log.event("kind", "\(hub.name) sent \(hex(header.type)), which is not for a hub to say; ignored")
        case .welcome, .reject, .drain, .peers: _ = hub.hear(kind, body)
        }
    }

    // MARK: - Out

    override func accept(_ header: PacketHeader, _ body: UnsafeRawBufferPointer, on _: Unmanaged<Link>?) {
        side.send(header, body, cameBy: self)
    }

    override func answer(_ header: PacketHeader, _ body: UnsafeRawBufferPointer, on _: Unmanaged<Link>) { side.send(header, body, cameBy: self) }

    override func tell(_ frame: UndeliveredFrame) {
        // Its header names the edge and the session, so it takes the way of an answer.
        withUnsafeTemporaryAllocation(byteCount: frame.header.length, alignment: 8) { bytes in
            // Guard: it has a byte at least, so a base address exists.
            frame.store(to: bytes.baseAddress!, format: .standard)
            side.send(frame.header, UnsafeRawBufferPointer(rebasing: bytes[PacketHeader.size...]), cameBy: self)
        }
    }

    /// Queues a packet for this hub.
    func append(_ header: PacketHeader, _ body: UnsafeRawBufferPointer) {
        let limit = header.isControl ? settings.maxPending / 8 * 9 : settings.maxPending
        guard let link, link.queued + header.length <= limit else { return side.drop(.busy) }
        write(header, body)
        if !header.isControl { desk.counters.packetsOut += 1 }
        // A hub that does not read is not read either, so that its packets do not fill its own queue.
        if link.queued > settings.highWater, !isHeld {
            isHeld = true
            link.resumeMark = settings.highWater / 2
            link.pauseReading()
        }
    }

    private func write(_ header: PacketHeader, _ body: UnsafeRawBufferPointer) {
        link?.append(header.length) { target in
            header.store(to: target, format: .standard)
            if let start = body.baseAddress { (target + PacketHeader.size).copyMemory(from: start, byteCount: body.count) }
        }
        desk.counters.bytesOut += header.length
    }

    func hubDrained(_ hub: HubLink, _ link: Link) {
        link.resumeMark = nil
        guard isHeld else { return }
        isHeld = false
        link.resumeReading()
    }

    // MARK: - Leaving (rule S25)

    func hubIsLeaving(_ hub: HubLink) {
        isHubLeaving = true
        side.choice.drain(rank: rank)
        // What this turn has read is on its way to lanes, and counted there.
        lanesSettled()
    }

    func hubHasStopped(_ hub: HubLink) {
        hasHubStopped = true
        lanesSettled()
    }

    override func lanesSettled() {
        guard inLanes == 0 else { return }
        if isHubLeaving, !hasAnswered {
            hasAnswered = true
            hub.answeredEverything()
        }
        if hasHubStopped { hub.done() }
    }
}
