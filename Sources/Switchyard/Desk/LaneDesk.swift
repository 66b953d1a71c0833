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
    /// Whom it serves; set before anything is, and read by handlers.
    weak var server: (any PacketSender & AnyObject)?
    // Guard: set once in `init`.
    private(set) var box: ReturnBox!
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
    /// One buffer for the bodies of inline packets; used again whenever nobody has kept it.
    @exclusivity(unchecked) private var scratch = ByteBuffer()
    @exclusivity(unchecked) private var staged: [Staged] = []
    @exclusivity(unchecked) private var bodies = ByteBuffer()

    /// A packet that goes to its lane at the end of the turn.
    private struct Staged {
        let header: PacketHeader
        let link: DeskLink
        let offset: Int
        let work: LaneItem.Work
    }

    /// Bodies share blocks of about this size, so that one that waits long pins no more than that.
    private static let block = 8 << 10

    init(index: Int, key: (UInt64, UInt64), eventLoop: any EventLoop, lanes: Lanes, router: PacketRouter, memory: MemoryBudget, logger: Logger) {
        loop = LinkLoop(eventLoop: eventLoop)
        self.lanes = lanes
        self.router = router
        self.memory = memory.share()
        log = EventLog(logger)
        links = ClientTable(loop: index, key: key)
        box = ReturnBox(eventLoop: eventLoop) { [weak self] in self?.receive($0) }
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

    /// A packet of an application type, as its link has checked and stamped it.
    @inline(__always)
    func dispatch(_ header: PacketHeader, _ body: UnsafeRawPointer, from link: DeskLink) {
        counters.packetsIn += 1
        switch router.route(of: header.type) {
        case .none: link.undeliverable(.noRoute, header, UnsafeRawBufferPointer(start: body, count: header.bodyCount))
        case .lane(let handler):
            stage(header, UnsafeRawBufferPointer(start: body, count: header.bodyCount), .packet(handler, link.handle), from: link)
        case .inline(let handler): callInline(handler, header, body, from: link)
        }
    }

    private func callInline(_ handler: PacketRouter.InlineHandler, _ header: PacketHeader, _ body: UnsafeRawPointer, from link: DeskLink) {
        let bytes = UnsafeRawBufferPointer(start: body, count: header.bodyCount)
        scratch.clear()
        scratch.writeBytes(bytes)
        do {
            guard var reply = try handler(Packet(header: header, body: scratch), PacketConnection(origin: link.handle, header: header)) else {
                return
            }
            guard reply.addressed(as: header) else { throw BadReply(type: reply.header.type, bytes: reply.header.length) }
            reply.body.withUnsafeReadableBytes { link.reply(reply.header, $0) }
        } catch let refusal as PacketRefusal {
            link.undeliverable(refusal.code, header, bytes, reason: refusal.reason)
        } catch {
            lanes.handlerFailed(header, error)
            link.undeliverable(.internal, header, bytes)
        }
    }

    /// Something for a lane; it leaves at the end of the turn, behind what was staged before it.
    func stage(_ header: PacketHeader, _ body: UnsafeRawBufferPointer, _ work: LaneItem.Work, from link: DeskLink) {
        loop.enterTurn()
        if case .packet = work, memory.budget.isExceeded { return link.undeliverable(.busy, header, body) }
        if bodies.readableBytes > 0, bodies.readableBytes + body.count > LaneDesk.block { handOver() }
        staged.append(Staged(header: header, link: link, offset: bodies.writerIndex, work: work))
        bodies.writeBytes(body)
        link.inLanes += 1
        laneBytes += header.length
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
        let block = bodies
        // The next turn's packets are likely to be as many.
        bodies = ByteBufferAllocator().buffer(capacity: min(block.readableBytes, LaneDesk.block))
        // Who is refused may end a session, which stages its end for the next time.
        var entries: [Staged] = []
        swap(&entries, &staged)
        let key = router.laneKey
        lanes.threads.batch {
            for index in entries.indices {
                let header = entries[index].header
                // Guard: the bytes were written at that offset above.
                let body = block.getSlice(at: entries[index].offset, length: header.bodyCount) ?? ByteBuffer()
                let isTaken = lanes.append(LaneItem(header: header, body: body, work: entries[index].work), key: key.value(of: header))
                if !isTaken { refuse(entries[index], body) }
            }
        }
        entries.removeAll(keepingCapacity: true)
        if staged.isEmpty { swap(&entries, &staged) }
    }

    private func refuse(_ entry: Staged, _ body: ByteBuffer) {
        if case .packet = entry.work {
            body.withUnsafeReadableBytes {
                entry.link.undeliverable(isStopped.load(ordering: .relaxed) || lanes.isStopped ? .draining : .busy, entry.header, $0)
            }
        } else {
            counters.lostNotices += 1
        }
        finished(entry.header.length, of: entry.link)
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
        // Guard: a block holds whole entries only.
        while bytes.count - offset >= Return.size {
            let entry = Return(at: base + offset)
            offset += Return.size
            accept(entry, UnsafeRawBufferPointer(start: base + offset, count: entry.count))
            offset += entry.count
        }
    }

    @inline(__always)
    private func accept(_ entry: Return, _ bytes: UnsafeRawBufferPointer) {
        guard entry.target != 0 else {
            toLoop?(Packet(copying: bytes))
            return
        }
        guard let link = links.find(entry.target) else {
            if entry.finishes > 0 { laneBytes -= entry.finishes }
            if entry.count > 0 { counters.goneReplies += 1 }
            return
        }
        if let base = bytes.baseAddress, entry.count > 0 {
            let header = PacketHeader(at: base, format: .standard)
            let body = UnsafeRawBufferPointer(start: base + PacketHeader.size, count: header.bodyCount)
            link.accept(header, body, isAnswer: entry.finishes > 0)
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
        packet.body.withUnsafeReadableBytes { link.accept(packet.header, $0, isAnswer: false) }
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
