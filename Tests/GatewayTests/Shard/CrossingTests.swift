import TestSupport
import Testing

@testable import Gateway

/// Entries between event loops.
@Suite("Crossing")
struct CrossingTests {
    @Test("S5: an entry is read as it was written, at any alignment")
    func roundTrip() throws {
        var random = Seeded(5)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 16)
        defer { memory.deallocate() }
        let base = try #require(memory.baseAddress)
        var kind: UInt8 = 0
        while let known = Crossing.Kind(rawValue: kind) {
            for offset in 0..<16 {
                let entry = Crossing(
                    known, source: .random(in: 0 ... .max, using: &random), target: .random(in: 0 ... .max, using: &random),
                    count: .random(in: 0...100_000, using: &random))
                entry.store(to: base + offset)
                let read = try #require(Crossing(at: base + offset))
                #expect(read.kind == known && read.source == entry.source && read.target == entry.target && read.count == entry.count)
            }
            kind += 1
        }
        #expect(kind == 7)
        memory[0] = kind
        #expect(Crossing(at: base) == nil)
        #expect(Crossing(.stopped, target: 1, count: 0).source == Crossing.noSource)
    }

    @Test("S5: an entry touches its 24 bytes and no more")
    func size() {
        var bytes = [UInt8](repeating: 0xAA, count: 32)
        bytes.withUnsafeMutableBytes { Crossing(.toClient, target: 0, count: 0).store(to: $0.baseAddress!) }
        #expect(bytes[Crossing.size...].allSatisfy { $0 == 0xAA })
    }
}
