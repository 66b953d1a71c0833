import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Links

/// Batches between event loops.
@Suite("Mailbox")
struct MailboxTests {
    private final class Received: Sendable {
        let numbers = Mutex<[Int: [Int]]>([:])
        var total: Int { numbers.withLock { $0.values.reduce(0) { $0 + $1.count } } }
    }

    @Test("S5: what each of several loops posts arrives once and in its order")
    func order() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 4)
        let loops = Array(group.makeIterator())
        let received = Received()
        let mailbox = Mailbox(eventLoop: loops[0]) { batch in
            loops[0].preconditionInEventLoop()
            var batch = batch
            received.numbers.withLock { numbers in
                while let sender = batch.readInteger(as: Int.self), let number = batch.readInteger(as: Int.self) {
                    numbers[sender, default: []].append(number)
                }
            }
        }
        let count = 5_000
        let senders = loops.enumerated().map { sender, loop in
            loop.submit {
                var batch = ByteBuffer()
                for number in 0..<count {
                    #expect(batch.readableBytes == 0 || number % 3 != 0)
                    batch.writeInteger(sender)
                    batch.writeInteger(number)
                    if number % 3 == 2 || number == count - 1 { mailbox.post(&batch) }
                }
            }
        }
        for sender in senders { try await sender.get() }
        // Every post has planned a wake-up of its own or rides on one that is planned: one turn of the receiver later all have come.
        try await loops[0].submit {}.get()
        #expect(received.total == loops.count * count)
        for sender in loops.indices { #expect(received.numbers.withLock { $0[sender] } == Array(0..<count)) }
        try await group.shutdownGracefully()
    }

    @Test("emptied batches go back to senders, empty")
    func spares() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let mailbox = Mailbox(eventLoop: group.next()) { _ in }
        var capacities: [Int] = []
        for _ in 0..<3 {
            var batch = ByteBuffer(repeating: 7, count: 1_000)
            mailbox.post(&batch)
            #expect(batch.readableBytes == 0)
            capacities.append(batch.capacity)
            try await group.next().submit {}.get()
        }
        #expect(capacities[0] == 0 && capacities[2] >= 1_000)
        try await group.shutdownGracefully()
    }
}
