import NIOCore
import Telemetry
import Wire

extension Link {
    /// A copy of what there is to see.
    func view(role: String) -> LinkView {
        let now = loop.eventLoop.now
        let description = description
        return LinkView(
            id: id, role: role, side: description.side, remote: remote, name: description.name, route: description.route,
            session: description.session, user: description.user, state: state.name, paused: isPaused, queuedBytes: queued, keptBytes: keptInput,
            receivedBytes: received, writtenBytes: written, ageSeconds: (now - openedAt).seconds, idleSeconds: (now - lastHeard).seconds)
    }

    /// Tells the taps what a read brought.
    func tellTaps(read bytes: UnsafeRawBufferPointer) { tellTaps(bytes, .in) }

    /// Tells the taps which block is handed to the socket.
    func tellTaps(written block: ByteBuffer) { block.withUnsafeReadableBytes { tellTaps($0, .out) } }

    private func tellTaps(_ bytes: UnsafeRawBufferPointer, _ direction: Direction) {
        let link = tapped
        for tap in loop.taps.values { tap.bytes(bytes, of: link, direction) }
    }

    private var tapped: TappedLink {
        let description = description
        return TappedLink(
            id: id, side: description.side, local: local, remote: remote, session: description.session, user: description.user,
            framing: description.framing)
    }

    /// What was read and kept, for a tap that begins now.
    func tellKept(to tap: any StreamTap) {
        let link = tapped
        keptFrame.withUnsafeReadableBytes { tap.bytes($0, of: link, .in) }
    }
}

extension Link.State {
    fileprivate var name: String {
        switch self {
        case .idle: "idle"
        case .open: "open"
        case .finishing: "finishing"
        case .lingering: "lingering"
        case .closed: "closed"
        }
    }
}
