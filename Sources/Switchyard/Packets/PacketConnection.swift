public import Wire

/// Where a packet came from, and the way back: one session, over the link that its packet came by.
///
/// A value that may be kept, and used from any thread at any time. What it is told after the session has ended is dropped and counted,
/// and never reaches a later connection (rule S12).
public struct PacketConnection: Sendable, Hashable, CustomStringConvertible {
    let origin: LinkHandle
    /// The session: one client connection, never used again.
    public private(set) var session: UInt64
    /// The edge server that holds the client.
    public private(set) var es: UInt32
    /// The user that the session was bound to when its packet came; 0 before that.
    public private(set) var user: UInt64
    /// The user's token; 0 before the session is bound.
    public private(set) var token: UInt32

    init(origin: LinkHandle, header: PacketHeader) {
        self.origin = origin
        session = header.session
        es = header.es
        user = header.user
        token = header.token
    }

    /// The same link's next packet.
    @inline(__always)
    mutating func turn(to header: PacketHeader) {
        session = header.session
        es = header.es
        user = header.user
        token = header.token
    }

    /// The address of the link's peer: the client itself, or the gateway or hub that its packets come through.
    public var address: String { origin.address }

    /// The session and the address that its packets come from.
    public var description: String { "session \(session) of \(address)" }

    /// The ``PacketServer`` or ``ServiceLink`` that the packet came through: reaches other sessions. One that is gone reaches nobody.
    public var server: any PacketSender { origin.desk.server ?? GoneServer() }

    /// Sends the session a packet that it has not asked for. What one thread pushes to one session arrives in that order, and what a
    /// handler pushes arrives before the reply that it returns (rule S5); where it replies by a call, in the order of the calls.
    public func push(_ packet: Packet) {
        var packet = packet
        packet.header.user = user
        packet.header.token = 0
        packet.header.es = es
        packet.header.session = session
        packet.header.length = PacketHeader.size + packet.body.readableBytes
        origin.push(packet)
    }

    /// From here on the session is that user: its packets carry the pair, whatever the client claims, and pushes to the user reach it
    /// (rule S9). A later bind replaces it; user 0 unbinds.
    public func bind(user: UInt64, token: UInt32) {
        origin.push(Packet(Bind(), user: user, token: token, es: es, session: session))
    }

    /// Closes the session: what is queued for it goes out first, then REJECT with this code.
    /// - Parameters:
    ///   - code: why; the client hears it.
    ///   - reason: for the client, at most 1,024 bytes; nil says the code's name.
    public func kick(_ code: Code = .cancelled, reason: String? = nil) {
        origin.push(Packet(Kick(code: code.rawValue, reason: reason ?? code.name), es: es, session: session))
    }

    /// Two are equal when they mean the same session over the same link, whoever it is bound to.
    public static func == (left: PacketConnection, right: PacketConnection) -> Bool {
        left.session == right.session && left.origin === right.origin
    }

    /// Hashes what equality compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(session)
        hasher.combine(ObjectIdentifier(origin))
    }
}

/// Stands for a server that does not exist any more.
private struct GoneServer: PacketSender {
    func push(_ packet: Packet, toUser user: UInt64, es: UInt32?) {}
    func multicast(_ packet: Packet) {}
}
