import Links
import NIOCore
import Telemetry
import Wire

/// Who keeps one connection alive, on the loop that owns its link: a ``DirectUpstream`` dials a packet server, a ``HubUpstream`` a hub.
/// What the two do alike stands here.
protocol Upstream: AnyObject {
    var connection: Connection { get }
    var shard: Shard { get }
    /// How it is called in the log.
    var name: String { get }
    /// Which bytes of its link's stream were re-routed to it.
    var rerouted: ReroutedRanges { get }
    /// What ``GatewayContext/announce(_:)`` knows it by.
    var announcement: String { get }

    /// Starts to dial; the future is done when the first attempt has ended, one way or the other.
    func start() -> EventLoopFuture<Void>
    /// One loop has handed over everything it had for a peer that is leaving.
    func loopStopped()
    /// The gateway's last client is closed: says DRAIN, waits for the answer, closes when everything is written (rule S25).
    func leave(within limit: TimeAmount) -> EventLoopFuture<Void>
    /// The drain deadline has passed.
    func cut()
    /// Its address is no longer listed.
    var isRetired: Bool { get }
    /// A reload has taken its address out: it gets nothing new, then hears DRAIN, and what it still says is served (rule S26).
    func retire()
}

extension Upstream {
    var route: ShardRoute { connection.route }

    /// Once in this process's life a peer hears that every earlier session of this edge is gone (rule S12).
    func announceOnce(_ link: Link) {
        guard shard.context.announce(announcement) else { return }
        link.append(Packet(SessionClosed(.lost), es: shard.esID, format: route.format), format: route.format)
    }

    func answerPing(_ link: Link, _ header: PacketHeader, _ body: UnsafeRawPointer) {
        guard header.bodyCount <= Ping.maxBody else { return shard.answer(connection, .badRequest, header, body, "PING over 64 bytes") }
        var pong = header
        pong.type = ControlType.pong.rawValue
        link.append(pong, body, format: route.format)
        shard.boundAnswers(to: connection, link)
    }

    /// The other side could not deliver a client's packet: the client hears the code's name alone (rule S1).
    func passOn(_ bytes: UnsafeRawBufferPointer) {
        guard let report = try? Undelivered(body: ByteBuffer(bytes: bytes), format: route.format) else {
            shard.counters.ignored += 1
            return
        }
        shard.route(of: report.lost, on: connection).counters.undelivered.add(raw: report.code)
        report.quote.withUnsafeBytes { quote in
            let frame = UndeliveredFrame(code: report.code, lost: report.lost, body: quote, reason: Code.name(of: report.code))
            shard.notice(frame, session: report.lost.session)
        }
    }
}
