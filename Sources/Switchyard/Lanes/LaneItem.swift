import NIOCore
import Synchronization
import Wire

/// One thing to do in a lane: a packet to handle, a call, or something that must come after the packets before it.
///
/// It is moved and never copied: a copy counts each of its references once more, and those were a fourth of what a packet costs in a lane.
enum LaneItem: ~Copyable, Sendable {
    case packet(LanePacket)
    /// A session has ended.
    case closed(LaneNotice)
    /// Do this; or, when the lanes have stopped, say that it is not done any more.
    case call(@Sendable (_ isStopped: Bool) async -> Void)
    /// Everything that was in the lane is done.
    case marker(@Sendable () -> Void)

    /// It is someone's, of whom a lane holds no more than its depth.
    var isWork: Bool {
        switch self {
        case .packet: true
        case .call: true
        case .closed: false
        case .marker: false
        }
    }
}

/// A packet on its way to its handler. It holds two references and no more: its body and its link.
struct LanePacket: ~Copyable, Sendable {
    let packet: Packet
    /// Where the packet came from, and where its reply goes: as its handler is told, so that it is lent to that and not made for it.
    let connection: PacketConnection
    /// Its handler. Guard: the router of its link's desk holds it.
    let route: Unmanaged<PacketRouter.LaneRoute>
}

/// A session that has ended, with that code.
final class LaneNotice: Sendable {
    let handler: PacketRouter.ClosedHandler
    let code: UInt16
    /// The session's address.
    let header: PacketHeader
    let origin: LinkHandle

    init(_ handler: @escaping PacketRouter.ClosedHandler, code: UInt16, _ header: PacketHeader, origin: LinkHandle) {
        self.handler = handler
        self.code = code
        self.header = header
        self.origin = origin
    }
}

extension LinkHandle {
    /// The link's server has stopped: no handler is called any more.
    var isStopped: Bool { desk.isStopped.load(ordering: .relaxed) || desk.lanes.isStopped }
}
