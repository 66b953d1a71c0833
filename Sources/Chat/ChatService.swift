public import Switchyard
import Synchronization

/// The chat as handlers of packets: logs people in, keeps rooms, passes on what is said.
///
/// It stands behind gateways as a ``PacketServer``, or behind hubs as a ``ServiceLink``; the handlers are the same.
public final class ChatService: Sendable {
    private struct State {
        var rooms = ChatRooms()
        /// The ways back to those who are logged in.
        var connections: [ChatRooms.Client: PacketConnection] = [:]
        var sender: (any PacketSender)?
    }

    private let state = Mutex(State())

    private init() {}

    /// The types that an unbound client has to be able to send: logging in, and the echo.
    public static let publicTypes: [UInt16] = [ChatType.logIn.rawValue, echo]
    /// A packet of this type comes back as it is.
    public static let echo: UInt16 = 7

    /// A chat server for gateways, not started.
    public static func server(_ settings: PacketServerSettings, lanes: Lanes? = nil) -> PacketServer {
        let service = ChatService()
        let server = PacketServer(settings, lanes: lanes) { service.register(&$0) }
        service.state.withLock { $0.sender = server }
        return server
    }

    /// A chat service behind hubs, not started.
    public static func behindHubs(_ settings: ServiceLinkSettings, lanes: Lanes? = nil) -> ServiceLink {
        let service = ChatService()
        let link = ServiceLink(settings, lanes: lanes) { service.register(&$0) }
        service.state.withLock { $0.sender = link }
        return link
    }

    private func register(_ router: inout PacketRouter) {
        router.inline(ChatService.echo) { packet, _ in packet }
        for type in [ChatType.logIn, .say, .join, .leave, .list, .whisper] {
            router.on(type.rawValue) { [self] packet, connection in
                let client = ChatRooms.Client(connection)
                let (effects, sender, connections) = state.withLock { state in
                    let effects = state.rooms.received(type, packet.text, from: client)
                    if state.rooms.contains(client) { state.connections[client] = connection }
                    return (effects, state.sender, ChatService.reached(by: effects, state.connections))
                }
                return carryOut(effects, connections, sender, asking: connection)
            }
        }
        router.onClosed { [self] connection, _ in
            let client = ChatRooms.Client(connection)
            leave(connection) {
                $0.connections[client] = nil
                return $0.rooms.closed(client)
            }
        }
        router.onEdgeReset { [self] es in
            leave(nil) { state in
                state.connections = state.connections.filter { $0.key.es != es }
                return state.rooms.closedAll(of: es)
            }
        }
    }

    private func leave(_ connection: PacketConnection?, _ change: (inout State) -> [ChatRooms.Effect]) {
        let (effects, sender, connections) = state.withLock { state in
            let effects = change(&state)
            return (effects, state.sender, ChatService.reached(by: effects, state.connections))
        }
        _ = carryOut(effects, connections, sender, asking: connection)
    }

    private static func reached(
        by effects: [ChatRooms.Effect], _ connections: [ChatRooms.Client: PacketConnection]
    ) -> [ChatRooms.Client: PacketConnection] {
        var reached: [ChatRooms.Client: PacketConnection] = [:]
        for case .tell(let clients, _, _) in effects { for client in clients { reached[client] = connections[client] } }
        return reached
    }

    /// Sends what is to be sent, outside the lock; returns the reply to the one who asked.
    private func carryOut(
        _ effects: [ChatRooms.Effect], _ connections: [ChatRooms.Client: PacketConnection], _ sender: (any PacketSender)?,
        asking: PacketConnection?
    ) -> Packet? {
        var identity: (user: UInt64, token: UInt32) = (0, 0)
        var reply: Packet?
        for effect in effects {
            switch effect {
            case .bind(_, let name):
                // A real service would check a password before this.
                identity = (ChatService.user(of: name), .random(in: 1 ... .max))
                asking?.bind(user: identity.user, token: identity.token)
            case .reply(_, let type, let text):
                reply = ChatService.packet(type, text)
                reply?.header.user = identity.user
                reply?.header.token = identity.token
            case .tell(let clients, let type, let text):
                sender?.multicast(ChatService.packet(type, text), to: clients.compactMap { connections[$0] })
            case .push(let name, let type, let text):
                sender?.push(ChatService.packet(type, text), toUser: ChatService.user(of: name))
            }
        }
        return reply
    }

    /// What is longer than a MULTICAST can carry is cut.
    private static func packet(_ type: ChatType, _ text: String) -> Packet {
        let room = PacketHeader.maxBody - PacketHeader.size - 64
        return Packet(type: type.rawValue, body: ByteBuffer(bytes: text.utf8.prefix(room)))
    }

    /// A name is always the same user, whichever instance is asked: FNV-1a 64 of it.
    private static func user(of name: String) -> UInt64 {
        max(1, name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
    }
}

extension ChatRooms.Client {
    init(_ connection: PacketConnection) { self.init(es: connection.es, session: connection.session) }
}
