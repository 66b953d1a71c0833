import Sessions
import Testing

@testable import Gateway

/// Which clients are bound to a user.
@Suite("User index")
struct UserIndexTests {
    @Test("S12: a user's sessions are found as long as they are bound, each once; a rebound one is the other user's")
    func binding() throws {
        let rig = ShardRig()
        let clients = try (0..<3).map { _ in try rig.client() }
        for client in clients { client.client.bind(user: 5, token: 1) }
        clients[0].client.bind(user: 5, token: 2)
        #expect(Set(sessions(rig, 5)) == Set(clients.map(\.session)) && sessions(rig, 5).count == 3)
        clients[1].client.bind(user: 6, token: 1)
        #expect(sessions(rig, 6) == [clients[1].session])
        clients[2].client.bind(user: 0, token: 9)
        #expect(sessions(rig, 5) == [clients[0].session])
        #expect(sessions(rig, 0).isEmpty)
        for client in clients { client.disconnect() }
        rig.settle()
        #expect(sessions(rig, 5).isEmpty && sessions(rig, 6).isEmpty)
    }

    private func sessions(_ rig: ShardRig, _ user: UInt64) -> [UInt64] { rig.shards[0].users.find(user).map(\.session) }
}
