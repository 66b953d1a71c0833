import Links
import NIOCore
import Wire

/// What gateways and hubs alike tell about the ends of sessions.
extension DeskLink {
    /// SESSION_CLOSED: one session has ended, or every earlier one of an edge (rule S12).
    final func sessionClosed(_ header: PacketHeader, _ body: ByteBuffer) {
        guard let closed = try? SessionClosed(body: body, format: format) else {
            desk.counters.ignored += 1
            return
        }
        var notice = header
        notice.length = PacketHeader.size
        guard header.session == 0 else {
            if let handler = desk.router.closedHandler {
                desk.stage(.closed(LaneNotice(handler, code: closed.code, notice, origin: handle)), notice, from: self)
            }
            return
        }
        if let handler = desk.router.edgeResetHandler { edgeReset(header.es, handler) }
    }

    /// What came before is handled first, and what comes behind waits: the link is not read meanwhile.
    private func edgeReset(_ es: UInt32, _ handler: @escaping PacketRouter.EdgeResetHandler) {
        // A hub's link may be another one by then.
        guard let link else { return }
        link.pauseReading()
        let eventLoop = desk.loop.eventLoop
        desk.handOverNow()
        desk.lanes.barrier {
            Task(executorPreference: self.desk.lanes.threads) { [box = self.desk.box] in
                await handler(es)
                // Who has left reads nothing more, and its event loop may be gone.
                if !box.isClosed { eventLoop.execute { link.resumeReading() } }
            }
        }
    }
}
