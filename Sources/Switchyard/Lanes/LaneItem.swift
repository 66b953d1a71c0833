import NIOCore
import Synchronization
import Wire

/// One thing to do in a lane: a packet to handle, a call, or something that must come after the packets before it.
///
/// A packet names its handler by its place in the router, so that on its way it holds two references and no more: its body and its link.
struct LaneItem: Sendable {
    /// What is no packet.
    enum Work: Sendable {
        /// The session has ended, with that code.
        case closed(PacketRouter.ClosedHandler, UInt16)
        /// Do this; or, when the lanes have stopped, say that it is not done any more.
        case call(@Sendable (_ isStopped: Bool) async -> Void)
        /// Everything that was in the lane is done.
        case marker(@Sendable () -> Void)
    }

    private final class Other: Sendable {
        let work: Work
        init(_ work: Work) { self.work = work }
    }

    /// The packet; of a session that has ended, its address alone.
    let packet: Packet
    /// Where the packet came from, and where its reply goes; nil for a call or a marker.
    let origin: LinkHandle?
    /// Where the packet's handler stands in the router of its desk.
    let place: UInt16
    private let other: Other?

    init(_ packet: Packet, place: UInt16, origin: LinkHandle) {
        self.packet = packet
        self.origin = origin
        self.place = place
        other = nil
    }

    private init(_ work: Work, header: PacketHeader = PacketHeader(length: PacketHeader.size, type: 0), origin: LinkHandle? = nil) {
        packet = Packet(header: header, body: ByteBuffer())
        self.origin = origin
        place = 0
        other = Other(work)
    }

    init(closed handler: @escaping PacketRouter.ClosedHandler, code: UInt16, header: PacketHeader, origin: LinkHandle) {
        self.init(.closed(handler, code), header: header, origin: origin)
    }
    init(marker done: @escaping @Sendable () -> Void) { self.init(.marker(done)) }
    init(call: @escaping @Sendable (_ isStopped: Bool) async -> Void) { self.init(.call(call)) }

    /// What it is when it is no packet.
    var work: Work? { other?.work }
    /// Someone's packet, which is answered when it finds no room.
    var isPacket: Bool { other == nil }
    /// It is someone's, of whom a lane holds no more than its depth.
    var isWork: Bool {
        switch work {
        case nil, .call: true
        case .closed, .marker: false
        }
    }
}

extension LinkHandle {
    /// The link's server has stopped: no handler is called any more.
    var isStopped: Bool { desk.isStopped.load(ordering: .relaxed) || desk.lanes.isStopped }
}
