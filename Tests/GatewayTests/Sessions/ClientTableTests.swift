import Sessions
import TestSupport
import Testing

@testable import Gateway

/// The clients of one event loop.
@Suite("Client table")
struct ClientTableTests {
    @Test("S9: no session is given twice, though places are used again; a session that is gone finds nobody")
    func reuse() throws {
        let rig = ShardRig()
        var random = Seeded(9)
        var given = Set<UInt64>()
        var live: [EmbeddedClient] = []
        for _ in 0..<1_500 {
            if live.count < 5 || (live.count < 20 && Bool.random(using: &random)) {
                let client = try rig.client()
                #expect(client.session != 0 && given.insert(client.session).inserted)
                #expect((1...20).contains(SessionID.slot(of: client.session)))
                live.append(client)
            } else {
                live.remove(at: Int.random(in: live.indices, using: &random)).disconnect()
            }
        }
        rig.settle()
        #expect(given.count > 500)
        let found = given.filter { rig.shards[0].clients.find($0) != nil }
        #expect(found == Set(live.map(\.session)))
        #expect(rig.shards[0].clients.count == live.count)
    }

    @Test("S9: found by its whole number only; invented and stale ones find nobody, and remove nobody")
    func find() throws {
        let rig = ShardRig()
        let first = try rig.client()
        let second = try rig.client()
        let table = rig.shards[0].clients
        #expect(table.count == 2 && table.all.count == 2)
        #expect(table.find(first.session) === first.client && table.find(second.session) === second.client)
        for bit in 0..<64 { #expect(table.find(first.session ^ 1 << UInt64(bit)) !== first.client) }
        #expect(table.find(0) == nil && table.find(.max) == nil)
        rig.shards[0].clients.remove(first.session ^ 1)
        #expect(rig.shards[0].clients.count == 2)

        first.disconnect()
        rig.settle()
        let third = try rig.client()
        #expect(SessionID.slot(of: third.session) == SessionID.slot(of: first.session))
        #expect(rig.shards[0].clients.find(first.session) == nil)
        #expect(rig.shards[0].clients.find(third.session) === third.client)
        #expect(rig.shards[0].clients.count == 2)
    }
}
