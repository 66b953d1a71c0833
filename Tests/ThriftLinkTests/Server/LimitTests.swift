import Links
import NIOCore
import NIOEmbedded
import Sessions
import Testing
import Wire

@testable import ThriftLink

@Suite("Limits of a Thrift door")
struct LimitTests {
    private let small = ProtoReply(result: 1)

    @Test("S24: with as many calls open as may be, a client is not read; an answer lets it go on")
    func pipelining() throws {
        let door = EmbeddedDoor { $0.pipelining = 4 }
        let client = try door.client()
        try client.send((0..<10).flatMap { call($0) })
        #expect(door.handler.calls.count == 4)
        #expect(!client.isAutoRead)
        client.connection.answer(door.handler.calls[0].ticket, small)
        door.eventLoop.run()
        #expect(door.handler.calls.count == 5)
        #expect(!client.isAutoRead)
        // Each answer brings the next call, until all are through.
        for index in 1..<10 {
            client.connection.answer(door.handler.calls[index].ticket, small)
            door.eventLoop.run()
        }
        #expect(client.isAutoRead)
        #expect(try client.answers().map(\.sequence) == Array(0..<10))
    }

    @Test("S24: an answer that the handler gives at once, while the client is being read, holds nothing up")
    func immediate() throws {
        let door = EmbeddedDoor { $0.pipelining = 1 }
        door.handler.immediately = { call, connection in
            connection.answer(call.ticket, ThriftException(.noPeer, "nobody"))
            return true
        }
        let client = try door.client()
        try client.send((0..<50).flatMap { call($0) })
        #expect(try client.answers().map(\.sequence) == Array(0..<50))
        #expect(client.isAutoRead)
    }

    @Test("S24: with maxPending bytes of answers held, a client is not read until they are gone")
    func held() throws {
        let door = EmbeddedDoor { $0.limits.maxPending = 10_000 }
        let client = try door.client()
        try client.send((0..<3).flatMap { call($0) })
        client.connection.answer(door.handler.calls[1].ticket, ProtoReply(content: ByteBuffer(repeating: 1, count: 20_000)))
        try client.send((3..<8).flatMap { call($0) })
        #expect(door.handler.calls.count == 4)
        #expect(!client.isAutoRead)
        client.connection.answer(door.handler.calls[0].ticket, small)
        door.eventLoop.run()
        #expect(door.handler.calls.count == 8)
        #expect(client.isAutoRead)
        for index in 2..<8 { client.connection.answer(door.handler.calls[index].ticket, small) }
        door.eventLoop.run()
        #expect(try client.answers().map(\.sequence) == Array(0..<8))
    }

    @Test("S24: a client that does not take its answers is not read either, and goes on when it does")
    func slowReader() throws {
        let door = EmbeddedDoor { $0.limits.maxPending = 10_000 }
        let client = try door.client()
        client.channel.isWritable = false
        try client.send(call(0) + call(1))
        for index in 0..<2 {
            client.connection.answer(door.handler.calls[index].ticket, ProtoReply(content: ByteBuffer(repeating: 1, count: 20_000)))
        }
        door.eventLoop.run()
        try client.send((2..<5).flatMap { call($0) })
        #expect(door.handler.calls.count == 3)
        #expect(!client.isAutoRead)
        client.channel.isWritable = true
        client.channel.pipeline.fireChannelWritabilityChanged()
        door.eventLoop.run()
        #expect(door.handler.calls.count == 5)
        #expect(client.isAutoRead)
    }

    @Test("S15: what comes behind bytes that are no message is not read; calls before them are answered, then it closes")
    func malformed() throws {
        let door = EmbeddedDoor()
        let client = try door.client()
        try client.send(call(1) + [0xFF, 0xFF, 0xFF, 0xFF] + call(2))
        #expect(door.handler.calls.count == 1)
        #expect(client.isOpen)
        try client.send(call(3))
        #expect(door.handler.calls.count == 1)
        client.connection.answer(door.handler.calls[0].ticket, small)
        door.eventLoop.run()
        #expect(try client.answers().map(\.sequence) == [1])
        #expect(!client.isOpen)
    }

    @Test(
        "S15: bad input closes its connection at once, without an answer, and no other",
        arguments: ["GET / HTTP/1.1\r\n\r\n", "\u{16}\u{03}\u{01}\u{02}\u{00}", "\u{7F}\u{7F}\u{7F}\u{7F}", "\u{0}\u{0}\u{0}\u{0}\u{0}"])
    func strangers(_ text: String) throws {
        let door = EmbeddedDoor()
        let (client, other) = (try door.client(), try door.client())
        try other.send(Array(call(1).dropLast()))
        try client.send(Array(text.utf8))
        #expect(!client.isOpen)
        #expect(try client.answers().isEmpty)
        try other.send(Array(call(1).suffix(1)))
        #expect(door.handler.calls.count == 1)
        #expect(other.isOpen)
    }

    @Test("S15: an answer from a client closes it", arguments: [ThriftMessageType.reply, .exception])
    func answersFromClients(_ type: ThriftMessageType) throws {
        let door = EmbeddedDoor()
        let client = try door.client()
        var message = call(1)
        message[7] = type.rawValue
        try client.send(message)
        #expect(door.handler.calls.isEmpty)
        #expect(!client.isOpen)
    }

    @Test("S15: a THeader of an unknown protocol is answered exception 9, one with a transform 8, in order, and the connection stays")
    func refusals() throws {
        let door = EmbeddedDoor()
        let client = try door.client()
        let form = ThriftForm(.header, .binary)
        let bad = ByteBuffer(bytes: [0, 0, 0, 16, 0x0F, 0xFF, 0, 0, 0, 0, 0, 8, 0, 1, 1, 0, 0, 0, 0, 0])
        let transformed = ByteBuffer(bytes: [0, 0, 0, 16, 0x0F, 0xFF, 0, 0, 0, 0, 0, 9, 0, 1, 0, 1, 1, 0, 0, 0])
        try client.send(call(7, form: form) + Array(bad.readableBytesView) + Array(transformed.readableBytesView) + call(10, form: form))
        #expect(door.handler.calls.count == 2)
        #expect(try client.answers().isEmpty)
        for call in door.handler.calls { client.connection.answer(call.ticket, small) }
        door.eventLoop.run()
        let answers = try client.answers()
        #expect(answers.map(\.sequence) == [7, 8, 9, 10])
        #expect(answers[1].exception?.kind.rawValue == 9)
        #expect(answers[2].exception?.kind.rawValue == 8)
        #expect(answers[1].name.isEmpty && answers[2].name.isEmpty)
        #expect(client.isOpen)
    }

    @Test("S16: one client too many is closed without a word")
    func tooMany() throws {
        let door = EmbeddedDoor { $0.limits.connections = 1 }
        let first = try door.client()
        let second = try door.client()
        #expect(first.isOpen)
        #expect(!second.isOpen)
        #expect(door.handler.closed == 0)
    }

    @Test("S13: over the process's memory, the client that most is held for is closed")
    func memory() throws {
        let door = EmbeddedDoor(memory: 100_000)
        let (greedy, modest) = (try door.client(), try door.client())
        try greedy.send(call(1) + call(2))
        try modest.send(call(1))
        greedy.connection.answer(door.handler.calls[1].ticket, ProtoReply(content: ByteBuffer(repeating: 1, count: 200_000)))
        door.loop.enterTurn()
        door.eventLoop.run()
        door.loop.enterTurn()
        door.eventLoop.run()
        #expect(!greedy.channel.isActive)
        #expect(modest.isOpen)
    }
}
