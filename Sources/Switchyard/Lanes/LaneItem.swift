import NIOCore
import Synchronization
import Wire

/// One thing to do in a lane: a packet to handle, a call, or something that must come after the packets before it.
struct LaneItem: Sendable {
    enum Work: Sendable {
        /// Hand the packet to a handler and its reply to where the packet came from.
        case packet(PacketRouter.Handler, LinkHandle)
        /// The session has ended, with that code.
        case closed(PacketRouter.ClosedHandler, UInt16, LinkHandle)
        /// Do this; or, when the lanes have stopped, say that it is not done any more.
        case call(@Sendable (_ isStopped: Bool) async -> Void)
        /// Everything that was in the lane is done.
        case marker(@Sendable () -> Void)
    }

    let header: PacketHeader
    let body: ByteBuffer
    let work: Work

    init(header: PacketHeader, body: ByteBuffer, work: Work) {
        self.header = header
        self.body = body
        self.work = work
    }

    /// No packet.
    private init(_ work: Work) { self.init(header: PacketHeader(length: PacketHeader.size, type: 0), body: ByteBuffer(), work: work) }
    init(marker done: @escaping @Sendable () -> Void) { self.init(.marker(done)) }
    init(call: @escaping @Sendable (_ isStopped: Bool) async -> Void) { self.init(.call(call)) }

    /// It is someone's, of whom a lane holds no more than its depth.
    var isWork: Bool {
        switch work {
        case .packet, .call: true
        case .closed, .marker: false
        }
    }
}

extension LinkHandle {
    /// The link's server has stopped: no handler is called any more.
    var isStopped: Bool { desk.isStopped.load(ordering: .relaxed) || desk.lanes.isStopped }
}
