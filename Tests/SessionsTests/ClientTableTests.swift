import Testing

@testable import Sessions

/// The clients of one event loop, without the clients: those of a gateway are in its tests.
@Suite("Client table")
struct ClientTableTests {
    private final class Holder: SessionHolder {
        let session: UInt64 = 0
    }

    @Test("S9: what a client of one event loop learns does not tell the sessions of another")
    func loops() throws {
        var tables = (0..<4).map { ClientTable<Holder>(loop: $0, key: (1, 2)) }
        var tags = Set<UInt64>()
        for _ in 0..<500 {
            for index in tables.indices {
                let inserted = tables[index].insert(Holder())
                let session = try #require(inserted)
                tags.insert(session & ((1 << SessionID.tagBits) - 1))
            }
        }
        // 2,000 random tags of 34 bits collide about once in ten thousand such sets.
        #expect(tags.count >= 1_999)
    }
}
