import NIOCore
import NIOEmbedded
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
        let group = EventLoops.start(threads: 4)
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
        for sender in loops.indices {
            let isInOrder = received.numbers.withLock { $0[sender] } == Array(0..<count)
            #expect(isInOrder, "sender \(sender)")
        }
        try await group.shutdownGracefully()
    }

    @Test("emptied batches go back to senders, empty")
    func spares() async throws {
        let group = EventLoops.start(threads: 1)
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

    @Test("a loop in a turn is not woken; what came in the turn is taken at its end, what came later in a turn of its own")
    func turns() {
        let eventLoop = EmbeddedEventLoop()
        let received = Received()
        let mailbox = Mailbox(eventLoop: eventLoop) { batch in
            received.numbers.withLock { $0[0, default: []].append(batch.getInteger(at: 0, as: Int.self) ?? -1) }
        }
        func post(_ number: Int) {
            var batch = ByteBuffer(integer: number)
            mailbox.post(&batch)
        }
        func numbers() -> [Int] { received.numbers.withLock { $0[0] ?? [] } }
        mailbox.turnStarted()
        post(1)
        post(2)
        eventLoop.run()
        #expect(numbers().isEmpty)
        mailbox.collect()
        #expect(numbers() == [1, 2])
        post(3)
        eventLoop.run()
        #expect(numbers() == [1, 2])
        mailbox.turnEnded()
        eventLoop.run()
        #expect(numbers() == [1, 2, 3])
        post(4)
        eventLoop.run()
        #expect(numbers() == [1, 2, 3, 4])
        mailbox.turnStarted()
        mailbox.turnEnded()
        post(5)
        eventLoop.run()
        #expect(numbers() == [1, 2, 3, 4, 5])
    }

    @Test("S5: with turns of the receiver going on, every batch is taken once and in order, without anyone's help")
    func turnsOfManyLoops() async throws {
        let group = EventLoops.start(threads: 4)
        let loops = Array(group.makeIterator())
        let received = Received()
        let mailbox = Mailbox(eventLoop: loops[0]) { batch in
            received.numbers.withLock { numbers in
                numbers[batch.getInteger(at: 0, as: Int.self) ?? -1, default: []].append(batch.getInteger(at: 8, as: Int.self) ?? -1)
            }
        }
        let count = 3_000
        let turns = loops[0].scheduleRepeatedTask(initialDelay: .zero, delay: .nanoseconds(1)) { _ in
            mailbox.turnStarted()
            mailbox.collect()
            mailbox.turnEnded()
        }
        for (sender, loop) in loops.enumerated() where sender > 0 {
            loop.execute {
                for number in 0..<count {
                    var batch = ByteBuffer(integer: sender)
                    batch.writeInteger(number)
                    mailbox.post(&batch)
                    if number == count / 2, sender == 1 { turns.cancel() }
                }
            }
        }
        let deadline = ContinuousClock.now + .seconds(30)
        while received.total < 3 * count, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(2)) }
        for sender in 1...3 {
            let isInOrder = received.numbers.withLock { $0[sender] } == Array(0..<count)
            #expect(isInOrder, "sender \(sender)")
        }
        try await group.shutdownGracefully()
    }
}
