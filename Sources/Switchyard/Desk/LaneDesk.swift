import DequeModule
import Links
import Logging
import NIOCore
import Sessions
import Synchronization
import Wire

/// One event loop's side of the lanes: packets are staged here during a turn and handed over at its end, and what handlers answer comes
/// back here. Servers and service links both stand on desks; a desk knows no side's rules, its links do.
///
/// `@unchecked Sendable`: confined to ``loop``'s event loop, except ``box``, ``lanes``, ``router``, ``memory``, ``server`` and ``isStopped``.
final class LaneDesk: @unchecked Sendable {
    let loop: LinkLoop
    let lanes: Lanes
    let router: PacketRouter
    let log: EventLog
    let memory: MemoryBudget.Share
    /// What ``memory`` is a share of: asked for each packet, where the way there would count a reference.
    private let budget: MemoryBudget
    /// Whom it serves; set before anything is, and read by handlers.
    weak var server: (any PacketSender & AnyObject)?
    let box: ReturnBox
    @exclusivity(unchecked) var links: ClientTable<DeskLink>
    @exclusivity(unchecked) var counters = DeskCounters()
    /// What comes for the loop itself: pushes to users and to everyone.
    var toLoop: ((Packet) -> Void)?
    /// Called once a turn, behind the flush.
    var turnEnded: (() -> Void)?
    /// No handler is called any more; read by lanes.
    let isStopped = Atomic<Bool>(false)
    /// Links that are open, those that have already lost their number included.
    @exclusivity(unchecked) var openLinks = 0
    private var isAbandoned = false
    private var whenQuiet: EventLoopPromise<Void>?
    /// Bytes of the packets that are in lanes because of this desk.
    @exclusivity(unchecked) private(set) var laneBytes = 0
    /// Where the bodies of packets for lanes are copied to.
    @exclusivity(unchecked) private var laneBodies = BodyBlocks(isUsedAgain: false)
    /// Where the bodies of inline packets are copied to.
    @exclusivity(unchecked) private var inlineBodies = InlineBodies()
    /// What goes to the lanes at the end of the turn.
    @exclusivity(unchecked) private var staged = StagedItems()
    /// Lanes that are being handed something that they have to be scheduled for; empty between.
    @exclusivity(unchecked) private var ready = UniqueDeque<Lane>()
    /// How packets stand in memory, on their way back from handlers.
    let inMemory = WireFormat.standard

    init(index: Int, key: (UInt64, UInt64), eventLoop: any EventLoop, lanes: Lanes, router: PacketRouter, memory: MemoryBudget, logger: Logger) {
        loop = LinkLoop(eventLoop: eventLoop)
        self.lanes = lanes
        self.router = router
        self.memory = memory.share()
        budget = memory
        log = EventLog(logger)
        links = ClientTable(loop: index, key: key)
        box = ReturnBox(eventLoop: eventLoop)
        box.receive = { [weak self] in self?.receive($0) }
        lanes.register(box)
        // Weakly: whoever dropped the desk in a turn leaves a loop whose turn still ends.
        loop.turnStarted = { [weak self] in self?.box.turnStarted() }
        loop.turnEnding = { [weak self] in
            guard let self else { return }
            box.collect()
            handOver()
        }
        loop.turnEnded = { [weak self] in
            guard let self else { return }
            handOver()
            self.memory.publish(loop.queuedBytes + loop.keptBytes + laneBytes)
            turnEnded?()
            settleIfQuiet()
            box.turnEnded()
        }
    }

    // MARK: - In

    /// A packet of an application type, as its link has checked and stamped it, that came over `connection`; `pass` is of the read that it came
    /// with, `reply` queues the answer of an inline handler.
    @inline(__always)
    func dispatch(
        _ header: PacketHeader, _ body: UnsafeRawPointer, from link: DeskLink, on connection: Link, _ pass: inout ReadPass,
        reply: (PacketHeader, UnsafeRawBufferPointer) -> Void
    ) {
        counters.packetsIn += 1
        pass.turn(to: header, of: router)
        let bytes = UnsafeRawBufferPointer(start: body, count: header.bodyCount)
        if let inPlace = pass.inPlace { return handle(PacketInPlace(header, bytes, from: link, on: connection), inPlace) }
        guard let inline = pass.inline else { return dispatchSlowly(header, bytes, from: link, pass) }
        do {
            guard
                let answer = try inline._withUnsafeGuaranteedRef({
                    try $0.handler(Packet(header: header, body: inlineBodies.copy(bytes)), pass.connection)
                })
            else { return }
            var head = answer.header
            let content = answer.body
            guard head.address(as: header, bodyCount: content.readableBytes) else { throw BadReply(type: head.type, bytes: head.length) }
            let address = content.withUnsafeReadableBytes { bytes in
                reply(head, bytes)
                return bytes.baseAddress
            }
            inlineBodies.takeBack(content, at: address)
        } catch {
            failed(error, header, bytes, from: link)
        }
    }

    @inline(never)
    private func dispatchSlowly(
        _ header: PacketHeader, _ body: UnsafeRawBufferPointer, from link: DeskLink, _ pass: borrowing ReadPass
    ) {
        guard let route = pass.lane else { return link.undeliverable(pass.isStopped ? .draining : .noRoute, header, body) }
        guard !budget.isExceeded else { return link.undeliverable(.busy, header, body) }
        let packet = LanePacket(packet: Packet(header: header, body: laneBodies.copy(body)), connection: pass.connection, route: route)
        stage(.packet(packet), header, from: link)
    }

    @inline(never)
    private func handle(_ packet: borrowing PacketInPlace, _ route: Unmanaged<PacketRouter.InPlaceRoute>) {
        do {
            try route._withUnsafeGuaranteedRef { try $0.handler(packet) }
        } catch {
            packet.withSender { link, body in failed(error, packet.header, body, from: link) }
        }
    }

    /// An inline handler threw.
    @inline(never)
    private func failed(_ error: any Error, _ header: PacketHeader, _ body: UnsafeRawBufferPointer, from link: DeskLink) {
        if let refusal = error as? PacketRefusal { return link.undeliverable(refusal.code, header, body, reason: refusal.reason) }
        lanes.handlerFailed(header, error)
        link.undeliverable(.internal, header, body)
    }

    /// Something for the lane of `header`; it leaves at the end of the turn, behind what was staged before it.
    func stage(_ item: consuming LaneItem, _ header: PacketHeader, from link: DeskLink) {
        loop.enterTurn()
        let lane = Lanes.lane(of: router.laneKey.value(of: header))
        laneBytes += header.length
        link.inLanes += 1
        staged.append(item, lane: lane)
    }

    /// Hands over what this turn has staged so far, for someone who waits for it.
    func handOverNow() { handOver() }

    /// It has been closed, and so is quiet for good.
    private var isClosed = false

    /// The last call: from here on the loop does not know the desk, and what handlers still leave finds nobody.
    func close() {
        isClosed = true
        loop.turnStarted = nil
        loop.turnEnding = nil
        loop.turnEnded = nil
        toLoop = nil
        memory.publish(0)
        lanes.unregister(box)
        box.close()
    }

    /// Nobody waits any more for what is in lanes: handlers that never return do not hold up the end.
    func abandonLanes() {
        laneBytes = 0
        isAbandoned = true
    }

    private func handOver() {
        guard !staged.isEmpty else { return }
        var refused = staged.handOver { items, lane in lanes.append(contentsOf: &items, lane: lane, ready: &ready) }
        lanes.threads.schedule(&ready)
        // Who is refused may end a session, which stages its end for the next time.
        while let item = refused.popFirst() { refuse(item) }
    }

    private func refuse(_ item: consuming LaneItem) {
        switch consume item {
        case .packet(let lost):
            let header = lost.packet.header
            let link = links.find(lost.connection.origin.number)
            lost.packet.body.withUnsafeReadableBytes {
                link?.undeliverable(isStopped.load(ordering: .relaxed) || lanes.isStopped ? .draining : .busy, header, $0)
            }
            leaveLane(header.length, link)
        case .closed(let notice):
            counters.lostNotices += 1
            leaveLane(notice.header.length, links.find(notice.origin.number))
        case .call: break  // No desk stages it.
        case .marker: break  // Nor that.
        }
    }

    /// Done when no link is open and nothing of this desk is in a lane.
    func quiet() -> EventLoopFuture<Void> {
        guard !isClosed else { return loop.eventLoop.makeSucceededVoidFuture() }
        let promise = loop.eventLoop.makePromise(of: Void.self)
        whenQuiet?.futureResult.cascade(to: promise)
        if whenQuiet == nil { whenQuiet = promise }
        loop.enterTurn()
        return promise.futureResult
    }

    private func settleIfQuiet() {
        guard let whenQuiet, openLinks == 0, laneBytes == 0 || isAbandoned else { return }
        self.whenQuiet = nil
        whenQuiet.succeed(())
    }

    // MARK: - Back

    private func receive(_ bytes: UnsafeRawBufferPointer) {
        loop.enterTurn()
        guard let base = bytes.baseAddress else { return }
        var offset = 0
        // Most entries are for the link of the one before: to look it up would count a reference for each.
        var held: (link: DeskLink, connection: Link?)?
        var link: Unmanaged<DeskLink>?
        var connection: Unmanaged<Link>?
        // Guard: a block holds whole entries only.
        while bytes.count - offset >= Return.size {
            let entry = Return(at: base + offset)
            offset += Return.size
            let content = UnsafeRawBufferPointer(start: base + offset, count: entry.count)
            offset += entry.count
            if link?._withUnsafeGuaranteedRef({ $0.session == entry.target }) != true {
                held = links.find(entry.target).map { ($0, $0.link) }
                link = held.map { Unmanaged.passUnretained($0.link) }
                connection = held?.connection.map { Unmanaged.passUnretained($0) }
            }
            if entry.target != 0, let link {
                // Guard: `held` keeps both until another is looked up.
                link._withUnsafeGuaranteedRef { accept(entry, content, for: $0, on: connection) }
            } else {
                acceptHomeless(entry, content)
            }
        }
        withExtendedLifetime(held) {}
    }

    /// For the loop itself, or for a link that is gone.
    private func acceptHomeless(_ entry: Return, _ bytes: UnsafeRawBufferPointer) {
        guard entry.target != 0 else {
            toLoop?(Packet(copying: bytes))
            return
        }
        if entry.finishes > 0 { laneBytes -= entry.finishes }
        if entry.count > 0 { counters.goneReplies += 1 }
    }

    @inline(__always)
    private func accept(_ entry: Return, _ bytes: UnsafeRawBufferPointer, for link: DeskLink, on connection: Unmanaged<Link>?) {
        if let base = bytes.baseAddress, entry.count > 0 {
            let header = PacketHeader(at: base, format: inMemory)
            let body = UnsafeRawBufferPointer(start: base + PacketHeader.size, count: header.bodyCount)
            link.accept(header, body, on: connection)
        }
        if entry.finishes > 0 { finished(entry.finishes, of: link) }
    }

    /// The same for a packet that this loop's own code pushes.
    func acceptHere(_ packet: Packet, for number: UInt64) {
        loop.enterTurn()
        guard number != 0 else {
            toLoop?(packet)
            return
        }
        guard let link = links.find(number) else {
            counters.goneReplies += 1
            return
        }
        packet.body.withUnsafeReadableBytes { link.accept(packet.header, $0, on: link.link.map { Unmanaged.passUnretained($0) }) }
    }

    private func leaveLane(_ count: Int, _ link: DeskLink?) {
        if let link { finished(count, of: link) } else { laneBytes -= count }
    }

    /// A packet of `count` bytes has left its lane.
    private func finished(_ count: Int, of link: DeskLink) {
        laneBytes -= count
        link.inLanes -= 1
        if link.inLanes == 0 { link.lanesSettled() }
    }
}

extension Packet {
    /// Guard: one whole packet in the standard format, written by this process.
    init(copying bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else {
            self.init(type: 0)
            return
        }
        self.init(header: PacketHeader(at: base, format: .standard), body: ByteBuffer(bytes: bytes.dropFirst(PacketHeader.size)))
    }
}
