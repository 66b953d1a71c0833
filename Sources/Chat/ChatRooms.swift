/// Who is logged in, in which room, and what is to be sent when someone acts: the whole of the chat, without a connection in it.
///
/// Everyone is in exactly one room, from logging in on: the lobby, at first. One name is one user, who may be logged in several times.
public struct ChatRooms: Sendable {
    /// One client connection, as its gateway names it.
    public struct Client: Sendable, Hashable {
        /// The gateway.
        public var es: UInt32
        public var session: UInt64

        public init(es: UInt32, session: UInt64) {
            self.es = es
            self.session = session
        }
    }

    /// Something to send; carried out in order.
    public enum Effect: Sendable, Equatable {
        /// From here on the client is that user. The number of a name is always the same, so that any instance of the service finds it.
        case bind(Client, name: String)
        /// To the one who acted.
        case reply(Client, ChatType, String)
        /// To each of these.
        case tell([Client], ChatType, String)
        /// To every connection of the user of that name, wherever it is.
        case push(name: String, ChatType, String)
    }

    /// Where everyone begins.
    public static let lobby = "lobby"
    /// The longest name of a person or a room, in characters.
    public static let maxName = 40

    private struct Member {
        var name: String
        var room: String
    }

    private var members: [Client: Member] = [:]
    private var rooms: [String: Set<Client>] = [:]

    public init() {}

    /// The number of connections that are logged in.
    public var count: Int { members.count }

    /// Whether the client is logged in.
    public func contains(_ client: Client) -> Bool { members[client] != nil }

    /// A packet of that type came from a client.
    public mutating func received(_ type: ChatType, _ text: String, from client: Client) -> [Effect] {
        if type == .logIn { return logIn(client, text) }
        guard let member = members[client] else { return [.reply(client, type, "log in first")] }
        switch type {
        case .say: return [.tell(others(in: member.room), .said, "\(member.name): \(text)")]
        case .join: return move(client, to: ChatRooms.name(text) ?? ChatRooms.lobby, answering: .join)
        case .leave: return move(client, to: ChatRooms.lobby, answering: .leave)
        case .list: return [.reply(client, .list, listing)]
        case .whisper: return [whisper(text, from: member, client)]
        case .logIn, .said, .whispered, .presence: return []
        }
    }

    /// A client's session has ended.
    public mutating func closed(_ client: Client) -> [Effect] {
        guard let member = members.removeValue(forKey: client) else { return [] }
        return depart(client, member)
    }

    /// Every session of a gateway has ended.
    public mutating func closedAll(of es: UInt32) -> [Effect] {
        members.keys.filter { $0.es == es }.flatMap { closed($0) }
    }

    // MARK: - What clients do

    private mutating func logIn(_ client: Client, _ text: String) -> [Effect] {
        guard let name = ChatRooms.name(text) else { return [.reply(client, .logIn, "a name has 1 to \(ChatRooms.maxName) characters")] }
        let before = closed(client)
        members[client] = Member(name: name, room: ChatRooms.lobby)
        let arrival = arrive(client, in: ChatRooms.lobby, name: name)
        return before + [.bind(client, name: name), .reply(client, .logIn, "welcome, \(name)")] + arrival
    }

    private mutating func move(_ client: Client, to room: String, answering type: ChatType) -> [Effect] {
        guard let member = members[client] else { return [] }
        var effects: [Effect] = []
        if member.room != room {
            effects += depart(client, member)
            members[client]?.room = room
            effects += arrive(client, in: room, name: member.name)
        }
        return effects + [.reply(client, type, "\(room): \(names(in: room).joined(separator: ", "))")]
    }

    private func whisper(_ text: String, from member: Member, _ client: Client) -> Effect {
        let words = text.split(separator: " ", maxSplits: 1)
        guard words.count == 2 else { return .reply(client, .whisper, "say to whom and what") }
        let name = String(words[0])
        guard members.values.contains(where: { $0.name == name }) else { return .reply(client, .whisper, "\(name) is not here") }
        return .push(name: name, .whispered, "\(member.name): \(words[1])")
    }

    // MARK: - Rooms

    /// Tells those in the room, and puts the newcomer among them.
    private mutating func arrive(_ client: Client, in room: String, name: String) -> [Effect] {
        let present = others(in: room)
        rooms[room, default: []].insert(client)
        return present.isEmpty ? [] : [.tell(present, .presence, "\(name) has come")]
    }

    private mutating func depart(_ client: Client, _ member: Member) -> [Effect] {
        rooms[member.room]?.remove(client)
        let left = others(in: member.room)
        if left.isEmpty { rooms[member.room] = nil }
        return left.isEmpty ? [] : [.tell(left, .presence, "\(member.name) has left")]
    }

    private func others(in room: String) -> [Client] {
        rooms[room, default: []].sorted { ($0.es, $0.session) < ($1.es, $1.session) }
    }

    private func names(in room: String) -> [String] {
        Set(rooms[room, default: []].compactMap { members[$0]?.name }).sorted()
    }

    private var listing: String {
        rooms.keys.sorted().map { "\($0): \(names(in: $0).joined(separator: ", "))" }.joined(separator: "\n")
    }

    /// Without the white space around it and inside it, so that it can be said in one word.
    private static func name(_ text: String) -> String? {
        let name = text.split(whereSeparator: \.isWhitespace).joined(separator: "-")
        return name.isEmpty || name.count > maxName ? nil : name
    }
}
