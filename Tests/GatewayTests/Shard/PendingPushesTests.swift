import NIOCore
import Testing
import Wire

@testable import Gateway

/// Pushes to a user that went to several loops.
@Suite("Pending pushes")
struct PendingPushesTests {
    private func push(_ user: UInt64) throws -> PendingPushes.Push {
        let rig = ShardRig()
        return PendingPushes.Push(
            header: PacketHeader(bodyCount: 0, type: 1, user: user), quote: ByteBuffer(), connection: try rig.upstream().connection)
    }

    @Test("S1: nobody reached is known with the last answer, and told once", arguments: 1...5)
    func missed(loops: Int) throws {
        var pushes = PendingPushes()
        let ticket = pushes.open(try push(7), delivered: 0, answersDue: loops)
        for _ in 1..<loops { #expect(pushes.record(ticket: ticket, delivered: 0)?.header == nil) }
        #expect(pushes.record(ticket: ticket, delivered: 0)?.header.user == 7)
        #expect(pushes.record(ticket: ticket, delivered: 0)?.header == nil)
    }

    @Test("S1: one session reached on any loop is enough", arguments: 0...3)
    func reached(position: Int) throws {
        var pushes = PendingPushes()
        let ticket = pushes.open(try push(7), delivered: position == 3 ? 1 : 0, answersDue: 3)
        for answer in 0..<3 { #expect(pushes.record(ticket: ticket, delivered: answer == position ? 2 : 0)?.header == nil) }
    }

    @Test("S1: tickets are not mixed up, and none is given twice")
    func tickets() throws {
        var pushes = PendingPushes()
        let tickets = try (1...10).map { pushes.open(try push(UInt64($0)), delivered: 0, answersDue: 2) }
        #expect(Set(tickets).count == 10)
        for ticket in tickets { #expect(pushes.record(ticket: ticket, delivered: 0)?.header == nil) }
        for (index, ticket) in tickets.enumerated().reversed() {
            #expect(pushes.record(ticket: ticket, delivered: 0)?.header.user == UInt64(index + 1))
        }
        #expect(pushes.record(ticket: 999, delivered: 0)?.header == nil)
    }
}
