import NIOCore
import NIOPosix
import Synchronization
import Wire

/// A hub of a few lines: takes every edge in, says what it is told to list, and sends application packets back where they came from.
final class TestHub: Sendable {
    private struct State {
        var peers = Peers.everything
        var echoes = true
    }

    let id: UInt64
    private let state = Mutex(State())
    private let server = Mutex<PacketServer?>(nil)

    init(id: UInt64) { self.id = id }

    static func start(id: UInt64, group: any EventLoopGroup, port: Int = 0, lists peers: Peers = .everything) async throws -> TestHub {
        let hub = TestHub(id: id)
        hub.state.withLock { $0.peers = peers }
        let server = try await PacketServer.start(group: group, port: port) { [unowned hub] in hub.answers(to: $0) }
        hub.server.withLock { $0 = server }
        return hub
    }

    private func answers(to packet: Packet) -> [Packet] {
        switch ControlType(rawValue: packet.header.type) {
        case .hello:
            let welcome = Welcome(hub: id, heartbeatMilliseconds: 10_000, maxFrame: 65_535, name: "hub-\(id)")
            return [Packet(welcome), Packet(state.withLock { $0.peers })]
        case .drain:
            return [Packet(Drain(deadlineMilliseconds: 0))]
        case nil:
            return state.withLock { $0.echoes } ? [packet] : []
        default:
            return []
        }
    }

    var port: Int { server.withLock { $0 }?.port ?? 0 }
    /// Everything that was heard, over all links, oldest link first.
    var heard: [Packet] { server.withLock { $0 }?.peers.flatMap(\.heard) ?? [] }
    func heard(_ type: ControlType) -> [Packet] { heard.filter { $0.header.type == type.rawValue } }
    /// Application packets.
    var packets: [Packet] { heard.filter { !$0.header.isControl } }
    var links: [PacketPeer] { server.withLock { $0 }?.peers.filter { !$0.isClosed } ?? [] }

    /// Says something on every open link.
    func say(_ packets: Packet...) { for link in links { link.say(packets) } }
    /// What it lists from here on.
    func list(_ peers: Peers) {
        state.withLock { $0.peers = peers }
        say(Packet(peers))
    }
    /// Whether application packets come back.
    func echo(_ echoes: Bool) { state.withLock { $0.echoes = echoes } }
    /// Whether it reads what gateways send.
    func read(_ reads: Bool) { for link in links { link.read(reads) } }
    func stop() async { await server.withLock { $0 }?.stop() }
}
