import NIOCore
import Testing
import Wire

/// PEERS: what a hub can reach, listed or "everything".
@Suite("PEERS")
struct PeersTests {
    private func ranges(_ count: Int) -> Peers { .ranges((0..<count).map { Claim(UInt32($0) * 2, UInt32($0) * 2) }) }

    @Test("S30: up to 4,096 ranges are listed, more are everything")
    func limit() throws {
        for count in [0, 1, 4_096] {
            let body = ranges(count).encoded()
            #expect(body.readableBytes == 2 + 8 * count)
            #expect(try Peers(body: body, format: .standard) == ranges(count))
        }
        for count in [4_097, 70_000] {
            let body = ranges(count).encoded()
            #expect(body == ByteBuffer(bytes: [0xFF, 0xFF]))
            #expect(try Peers(body: body, format: .standard) == .everything)
        }
    }

    @Test("S15: a count of ranges that are not there is refused before anything is kept")
    func count() {
        for count: UInt16 in [1, 2, 4_096, 0xFFFE] {
            var body = ByteBuffer(integer: count)
            body.writeRepeatingByte(0, count: 7)
            #expect(throwing(.badRequest) { _ = try Peers(body: body, format: .standard) })
        }
    }

    @Test("bytes after \"everything\" are ignored")
    func everything() throws {
        #expect(try Peers(body: ByteBuffer(bytes: [0xFF, 0xFF, 1, 2, 3]), format: .standard) == .everything)
    }
}
