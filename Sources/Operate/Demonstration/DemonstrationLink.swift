import Links
import NIOCore
import Routing
import Wire

/// One connection from a gateway to the demonstration server. A plain packet server: readable before fast.
final class DemonstrationLink: LinkOwner {
    private(set) var link: Link!
    private let names: Demonstration.Names

    init(loop: LinkLoop, names: Demonstration.Names) {
        self.names = names
        link = Link(loop: loop, owner: self)
    }

    func linkOpened(_ link: Link) {}
    func linkDrained(_ link: Link) {}
    func link(_ link: Link, closed end: LinkEnd) {}
    func timerFired(_ timer: LoopTimer) {}

    func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        var buffer = ByteBuffer(bytes: bytes)
        do {
            while let packet = try Packet(from: &buffer) { handle(packet) }
        } catch {
            link.close(.protocol) { say(Packet(Reject(.protocol)), on: $0) }
        }
        let next = buffer.getInteger(at: buffer.readerIndex, as: UInt16.self).map(Int.init)
        return Consumed(bytes: bytes.count - buffer.readableBytes, needed: max(next ?? 0, PacketHeader.size))
    }

    private func handle(_ packet: Packet) {
        let header = packet.header
        switch (header.type, ControlType(rawValue: header.type)) {
        case (1, _): logIn(packet)
        case (7, _): say(packet, on: link)
        case (100, _): sayToAll(packet)
        case (_, .ping): say(reply(to: header, type: ControlType.pong.rawValue, body: packet.body), on: link)
        case (_, .drain): say(Packet(Drain(deadlineMilliseconds: 0)), on: link)
        case (_, .sessionClosed):
            if header.session == 0 { names.bySession = [:] } else { names.bySession[header.session] = nil }
        default: break
        }
    }

    /// The name makes the user, so that a name keeps its user; a real service would check a password here.
    private func logIn(_ packet: Packet) {
        let name = String(buffer: packet.body).trimmingPrefix(while: \.isWhitespace)
        let user = max(1, Choice.fnv1a(String(name)))
        let token = UInt32.random(in: 1 ... .max)
        names.bySession[packet.header.session] = name.isEmpty ? "someone" : String(name)
        say(Packet(Bind(), user: user, token: token, es: packet.header.es, session: packet.header.session), on: link)
        var welcome = reply(to: packet.header, type: 1, body: ByteBuffer(string: "welcome, \(name)"))
        welcome.header.user = user
        welcome.header.token = token
        say(welcome, on: link)
    }

    private func sayToAll(_ packet: Packet) {
        let name = names.bySession[packet.header.session] ?? "someone"
        var line = ByteBuffer(string: "\(name): ")
        line.writeImmutableBuffer(packet.body)
        // The multicast wraps one packet in another: a text that fills a whole packet is cut to what fits.
        let room = PacketHeader.maxBody - 2 - PacketHeader.size
        if let text = line.readSlice(length: min(line.readableBytes, room)) {
            say(Packet(Multicast(sessions: [], inner: Packet(type: 150, body: text)), es: packet.header.es), on: link)
        }
    }

    private func reply(to header: PacketHeader, type: UInt16, body: ByteBuffer) -> Packet {
        Packet(type: type, user: header.user, token: header.token, es: header.es, session: header.session, body: body)
    }

    private func say(_ packet: Packet, on link: Link) {
        var bytes = ByteBuffer()
        packet.write(to: &bytes)
        link.append(bytes)
    }
}
