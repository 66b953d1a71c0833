import TestSupport
import Testing

@testable import Hub

@Suite struct OriginsTests {
    @Test("Each byte of the stream knows where its packet came from, after old ones are forgotten too")
    func origins() {
        var random = Seeded(3)
        var origins = Origins()
        var offset = 0
        var truth: [(start: Int, origin: UInt64)] = []
        var written = 0
        for _ in 0..<5000 {
            let origin = UInt64.random(in: 0...3, using: &random)
            origins.note(origin, at: offset, written: written)
            truth.append((offset, origin))
            offset += Int.random(in: 28...200, using: &random)
            written = max(0, offset - 3000)
        }
        for packet in truth where packet.start >= written { #expect(origins.origin(of: packet.start) == packet.origin) }
        #expect(Origins().origin(of: 5) == Origins.ordinary)
    }
}
