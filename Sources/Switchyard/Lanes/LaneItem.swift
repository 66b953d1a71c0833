import NIOCore
import Synchronization
import Wire

/// One thing to do in a lane: a packet to handle, or something that must come after the packets before it.
struct LaneItem: Sendable {
    enum Work: Sendable {
        /// Hand the packet to a handler and its reply to where the packet came from.
        case packet(PacketRouter.Handler)
        /// The session has ended, with that code.
        case closed(PacketRouter.ClosedHandler, UInt16)
        /// Everything that was in the lane is done.
        case marker(@Sendable () -> Void)
    }

    let header: PacketHeader
    let body: ByteBuffer
    let origin: LinkHandle
    let work: Work

    /// Whether it is a packet, which has less room in a lane than what only says that something has ended.
    var isPacket: Bool { if case .packet = work { true } else { false } }

    /// Its server has stopped: no handler is called any more.
    var isCancelled: Bool { origin.desk.isStopped.load(ordering: .relaxed) || origin.desk.lanes.isStopped }
}
