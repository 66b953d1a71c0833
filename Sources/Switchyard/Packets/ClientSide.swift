import NIOCore
import Routing
import Sessions
import Wire

/// What the clients of one event loop share.
///
/// `@unchecked Sendable`: confined to its desk's event loop, except what never changes.
final class ClientSide: @unchecked Sendable {
    let settings: PacketServerSettings
    let admission: Admission
    var isLeaving = false
    private let allPublic: Bool
    private var users = UserIndex<ClientConnection>()
    private unowned let desk: LaneDesk

    init(desk: LaneDesk, settings: PacketServerSettings, admission: Admission) {
        self.desk = desk
        self.settings = settings
        self.admission = admission
        allPublic = settings.publicTypes == .applicationTypes
        desk.toLoop = { [weak self] in self?.push($0) }
    }

    @inline(__always)
    func isPublic(_ type: UInt16) -> Bool { allPublic || settings.publicTypes.contains(type) }

    func bind(_ client: ClientConnection, user: UInt64) { users.insert(client, user: user) }
    func unbind(_ client: ClientConnection, user: UInt64) { users.remove(client, user: user) }

    /// For a user, or, as a MULTICAST without sessions, for everyone who is bound.
    private func push(_ packet: Packet) {
        if packet.header.type == ControlType.multicast.rawValue {
            guard let multicast = try? Multicast(body: packet.body, format: .standard) else { return }
            for case let client as ClientConnection in desk.links.all where client.isBound { client.deliver(multicast.inner) }
        } else {
            let bound = users.find(packet.header.user)
            if bound.isEmpty { desk.counters.multicastAbsent += 1 }
            for client in bound { client.deliver(packet) }
        }
    }

    /// A MULTICAST by session: here every client is a link of its own, so the list names one.
    func spread(_ body: ByteBuffer) {
        guard let multicast = try? Multicast(body: body, format: .standard) else { return }
        for session in multicast.sessions {
            if let client = desk.links.find(session) as? ClientConnection {
                client.deliver(multicast.inner)
            } else {
                desk.counters.multicastAbsent += 1
            }
        }
    }
}
