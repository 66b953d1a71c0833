import Wire

/// A client that its upstream has bound to a user.
struct BoundClient {
    let client: PacketClient
    let session: UInt64
}

extension SwitchyardProcess {
    /// Connects a client and lets it introduce itself over a route, so that the upstream learns its session.
    func introduced(to upstream: UpstreamServer, type: UInt16 = 100) throws -> BoundClient {
        let client = try client()
        let name = "introduction \(UInt64.random(in: 1 ... .max))"
        try client.send(Packet(type, name))
        let packet = try obtain("the introduction at the upstream") { upstream.packets.last { $0.says(name) } }
        return BoundClient(client: client, session: packet.header.session)
    }

    /// The same, bound to a user; the client knows because a packet that was sent after BIND has reached it.
    func bound(to upstream: UpstreamServer, user: UInt64, token: UInt32, type: UInt16 = 100) throws -> BoundClient {
        let one = try introduced(to: upstream, type: type)
        try one.bind(by: upstream, user: user, token: token)
        return one
    }
}

extension BoundClient {
    /// Binds (or unbinds with user 0), and waits until the gateway has obeyed.
    func bind(by upstream: UpstreamServer, user: UInt64, token: UInt32) throws {
        try upstream.send(Packet(Bind(), user: user, token: token, es: 1, session: session), Packet(101, "bound", session: session))
        let packet = try obtain("the packet that follows BIND") {
            let packet = try client.receive()
            return packet.text == "bound" ? packet : nil
        }
        guard packet.header.session == session else { throw Unmet("another session's packet: \(packet.summary)") }
    }
}
