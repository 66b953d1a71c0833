import Links
import NIOCore
import NIOEmbedded
import Sessions
import Testing
import Wire

@testable import ThriftLink

@Suite("Answers of a Thrift door")
struct AnswerTests {
    private func reply(_ number: Int64) -> ProtoReply { ProtoReply(result: number, type: 1, content: ByteBuffer(string: "x")) }

    @Test("a call in any form comes with its name and body, its answer goes out in the same form", arguments: allForms)
    func forms(_ form: ThriftForm) throws {
        let door = EmbeddedDoor()
        let client = try door.client()
        try client.send(call(-9, form: form, ProtoRequest(type: 3, content: ByteBuffer(string: "hello"), shardingID: 4)))
        let seen = try #require(door.handler.calls.first)
        #expect(seen.name == "rpc")
        let request = try ThriftBody.arguments(ByteBuffer(bytes: seen.body), body: 0..<seen.body.count, encoding: seen.encoding)
        #expect(request == ProtoRequest(type: 3, content: ByteBuffer(string: "hello"), shardingID: 4))
        client.connection.answer(seen.ticket, reply(5))
        door.eventLoop.run()
        let answer = try #require(try client.answers().first)
        #expect(answer.form == form)
        #expect(answer.sequence == -9)
        #expect(answer.name == "rpc")
        #expect(answer.reply == reply(5))
        #expect(client.isOpen)
    }

    @Test("S24: answers that come in any order go out in the order of the calls, errors of our own too")
    func order() throws {
        let door = EmbeddedDoor()
        let client = try door.client()
        try client.send((0..<5).flatMap { call($0) })
        let calls = door.handler.calls
        #expect(calls.count == 5)
        client.connection.answer(calls[3].ticket, reply(3))
        client.connection.answer(calls[1].ticket, ThriftException(.noRoute, "none"))
        client.connection.answer(calls[4].ticket, reply(4))
        door.eventLoop.run()
        #expect(try client.answers().isEmpty)
        client.connection.answer(calls[0].ticket, reply(0))
        door.eventLoop.run()
        let first = try client.answers()
        #expect(first.map(\.sequence) == [0, 1])
        #expect(first[1].exception == ThriftException(.unknownMethod, "noRoute: none"))
        client.connection.answer(calls[2].ticket, reply(2))
        door.eventLoop.run()
        let rest = try client.answers()
        #expect(rest.map(\.sequence) == [2, 3, 4])
        #expect(rest.map { $0.reply?.result } == [2, 3, 4])
        #expect(client.connection.openCalls == 0)
    }

    @Test("S24: with ordered: false answers go out as they come")
    func unordered() throws {
        let door = EmbeddedDoor { $0.ordered = false }
        let client = try door.client()
        try client.send((0..<3).flatMap { call($0) })
        for index in [2, 0, 1] { client.connection.answer(door.handler.calls[index].ticket, reply(Int64(index))) }
        door.eventLoop.run()
        #expect(try client.answers().map(\.sequence) == [2, 0, 1])
    }

    @Test("an answer counts once: given again, or to nobody, it goes nowhere")
    func once() throws {
        let door = EmbeddedDoor()
        let client = try door.client()
        try client.send(call(1))
        let ticket = door.handler.calls[0].ticket
        client.connection.answer(ticket, reply(1))
        client.connection.answer(ticket, reply(2))
        client.connection.answer(0, reply(3))
        try client.send(call(2))
        client.connection.answer(ticket, reply(4))
        door.eventLoop.run()
        #expect(try client.answers().map { $0.reply?.result } == [1])
        #expect(client.connection.openCalls == 1)
    }

    @Test("S23: a oneway call has no answer and no place in the order", arguments: allForms)
    func oneway(_ form: ThriftForm) throws {
        let door = EmbeddedDoor()
        let client = try door.client()
        try client.send(call(1, form: form, oneway: true) + call(2, form: form))
        #expect(door.handler.calls.map(\.isOneway) == [true, false])
        #expect(door.handler.calls[0].ticket == 0)
        #expect(client.connection.openCalls == 1)
        client.connection.answer(door.handler.calls[1].ticket, reply(2))
        door.eventLoop.run()
        #expect(try client.answers().map(\.sequence) == [2])
    }

    @Test("a body in the other encoding is converted for the client; one that is malformed becomes an exception")
    func conversion() throws {
        let door = EmbeddedDoor()
        let client = try door.client()
        try client.send(call(1, form: ThriftForm(.framed, .compact)) + call(2, form: ThriftForm(.framed, .compact)))
        var body = ByteBuffer()
        ThriftBody.write(reply(77), encoding: .binary, to: &body)
        let isFine = body.withUnsafeReadableBytes {
            client.connection.answer(door.handler.calls[0].ticket, ThriftAnswer(.reply, encoding: .binary, body: $0))
        }
        #expect(isFine)
        let isBroken = body.withUnsafeReadableBytes {
            let half = UnsafeRawBufferPointer(rebasing: $0.prefix(9))
            return !client.connection.answer(door.handler.calls[1].ticket, ThriftAnswer(.reply, encoding: .binary, body: half))
        }
        #expect(isBroken)
        door.eventLoop.run()
        let answers = try client.answers()
        #expect(answers.first?.reply == reply(77))
        #expect(answers.last?.exception?.kind == .internalError)
        #expect(answers.last?.exception?.message.hasPrefix("protocol: ") == true)
    }

    @Test("a multiplexed caller hears the method's name without the service, which is what its generated code compares")
    func multiplexed() throws {
        let door = EmbeddedDoor()
        let client = try door.client()
        try client.send(call(1, name: "ProtoService:rpc"))
        #expect(door.handler.calls[0].name == "ProtoService:rpc")
        client.connection.answer(door.handler.calls[0].ticket, reply(1))
        door.eventLoop.run()
        #expect(try client.answers().map(\.name) == ["rpc"])
    }

    @Test("very many names on one connection each keep theirs")
    func names() throws {
        let door = EmbeddedDoor()
        let client = try door.client()
        for _ in 0..<3 {
            door.handler.calls = []
            try client.send((0..<100).flatMap { call(Int32($0), name: "method\($0 % 40)") })
            for call in door.handler.calls.reversed() { client.connection.answer(call.ticket, reply(1)) }
            door.eventLoop.run()
            #expect(try client.answers().map(\.name) == (0..<100).map { "method\($0 % 40)" })
        }
    }
}
