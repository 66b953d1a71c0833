import Switchyard

/// The packet types of the chat. Bodies are text.
enum Kind {
    static let logIn: UInt16 = 1
    static let say: UInt16 = 100
    static let join: UInt16 = 101
    static let leave: UInt16 = 102
    static let list: UInt16 = 103
    static let whisper: UInt16 = 104
    static let said: UInt16 = 150
    static let whispered: UInt16 = 151
    static let presence: UInt16 = 152
}

extension PacketRouter {
    /// Gives a client a name, and the user that belongs to it.
    mutating func logIn(_ rooms: Rooms) {
        on(Kind.logIn) { packet, connection in
            let name = packet.text
            guard !name.isEmpty, name.count <= 40 else { throw PacketRefusal(.badRequest, "a name has 1 to 40 characters") }
            await rooms.enter(connection, as: name, room: "lobby")
            // A real service would check a password before this.
            let (user, token) = (userNumber(of: name), UInt32.random(in: 1 ... .max))
            connection.bind(user: user, token: token)
            await rooms.tell("\(name) has come", in: "lobby", from: connection)
            return Packet(type: Kind.logIn, user: user, token: token, body: ByteBuffer(string: "welcome, \(name)"))
        }
    }
}

/// A name is always the same user: FNV-1a 64 of its bytes.
func userNumber(of name: String) -> UInt64 {
    max(1, name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
}

extension Rooms {
    /// Tells everyone else in a room who comes and goes.
    nonisolated func tell(_ text: String, in room: String, from connection: PacketConnection) async {
        await connection.server.multicast(Packet(type: Kind.presence, text: text), to: others(in: room, than: connection))
    }
}

extension PacketRouter {
    /// Says something to a room, goes to another, lists them all.
    mutating func talk(_ rooms: Rooms) {
        on(Kind.say) { packet, connection in
            guard let (name, room) = await rooms.find(connection) else { throw PacketRefusal(.unauthorized, "log in first") }
            let others = await rooms.others(in: room, than: connection)
            connection.server.multicast(Packet(type: Kind.said, text: "\(name): \(packet.text)"), to: others)
            return nil
        }
        on(Kind.join...Kind.leave) { packet, connection in
            guard let (name, room) = await rooms.find(connection) else { throw PacketRefusal(.unauthorized, "log in first") }
            let next = packet.type == Kind.leave || packet.text.isEmpty ? "lobby" : packet.text
            await rooms.tell("\(name) has left", in: room, from: connection)
            await rooms.enter(connection, as: name, room: next)
            await rooms.tell("\(name) has come", in: next, from: connection)
            return Packet(type: packet.type, text: "you are in \(next)")
        }
        on(Kind.list) { _, _ in Packet(type: Kind.list, text: await rooms.listing()) }
    }
}

extension PacketRouter {
    /// Says something to one person alone, wherever he is logged in.
    mutating func whisper(_ rooms: Rooms) {
        on(Kind.whisper) { packet, connection in
            guard let (name, _) = await rooms.find(connection) else { throw PacketRefusal(.unauthorized, "log in first") }
            let words = packet.text.split(separator: " ", maxSplits: 1)
            guard words.count == 2 else { return Packet(type: Kind.whisper, text: "say to whom and what") }
            let friend = String(words[0])
            guard await rooms.knows(friend) else { return Packet(type: Kind.whisper, text: "\(friend) is not here") }
            connection.server.push(Packet(type: Kind.whispered, text: "\(name): \(words[1])"), toUser: userNumber(of: friend))
            return nil
        }
    }
}

extension PacketRouter {
    /// Notices who goes, however he goes.
    mutating func presence(_ rooms: Rooms) {
        onClosed { connection, _ in
            guard let (name, room) = await rooms.find(connection) else { return }
            await rooms.leave(connection)
            await rooms.tell("\(name) has left", in: room, from: connection)
        }
        onEdgeReset { es in await rooms.clear(es: es) }
    }
}

@main
struct Chat {
    static func main() async throws {
        let rooms = Rooms()
        let listen = Endpoint(CommandLine.arguments.dropFirst().first ?? "") ?? .host("127.0.0.1", port: 7100)
        let server = PacketServer(PacketServerSettings(listen: listen, peers: .clients)) { router in
            router.logIn(rooms)
            router.talk(rooms)
            router.whisper(rooms)
            router.presence(rooms)
        }
        print("chatting on \(listen)")
        try await server.runUntilSignal()
    }
}
