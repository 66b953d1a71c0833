import NIOCore
import TestSupport
import Testing
import Wire

@testable import Gateway

/// Packets that wait for an upstream.
@Suite("Waiting packets")
struct WaitingPacketsTests {
    private func entry(_ number: UInt64, size: Int = 0, deadline: Int = 0) -> WaitingPackets.Entry {
        .init(
            since: .distantPast, deadline: .uptimeNanoseconds(UInt64(deadline) * 1_000_000),
            header: PacketHeader(bodyCount: size, type: 1, session: number),
            body: ByteBuffer(repeating: 1, count: size), isNotice: false)
    }

    @Test("S4: first in, first out, and every byte counted, header included")
    func order() {
        var random = Seeded(4)
        var waiting = WaitingPackets()
        var model: [(UInt64, Int)] = []
        var number: UInt64 = 0
        for _ in 0..<500 {
            if Int.random(in: 0..<5, using: &random) < 3 {
                number += 1
                let size = Int.random(in: 0...500, using: &random)
                waiting.append(entry(number, size: size))
                model.append((number, size))
            } else {
                let expected = model.isEmpty ? nil : model.removeFirst()
                let actual = waiting.popFirst()
                #expect(actual?.header.session == expected?.0 && actual?.body.readableBytes == expected?.1)
            }
            #expect(waiting.bytes == model.reduce(0) { $0 + 28 + $1.1 })
            #expect(waiting.isEmpty == model.isEmpty)
        }
    }

    @Test("S4: a wait ends at its deadline, not before; the next deadline is the oldest entry's")
    func expiry() {
        var waiting = WaitingPackets()
        for number in 1...4 { waiting.append(entry(UInt64(number), deadline: 100 * number)) }
        func expired(_ now: Int) -> UInt64? { waiting.popExpired(now: .uptimeNanoseconds(UInt64(now) * 1_000_000))?.header.session }
        #expect(expired(99) == nil)
        #expect(waiting.nextDeadline == .uptimeNanoseconds(100_000_000))
        #expect(expired(100) == 1)
        #expect(expired(100) == nil)
        #expect(expired(399) == 2)
        #expect(expired(399) == 3)
        #expect(expired(399) == nil)
        #expect(expired(400) == 4)
        #expect(waiting.isEmpty && waiting.bytes == 0 && waiting.nextDeadline == nil)
    }
}
