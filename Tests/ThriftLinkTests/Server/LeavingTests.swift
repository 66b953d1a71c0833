import Links
import NIOCore
import NIOEmbedded
import Sessions
import Testing
import Wire

@testable import ThriftLink

@Suite("Connections of a Thrift door that end")
struct LeavingTests {
    private let small = ProtoReply(result: 1)

    @Test("a client that half-closes still gets the answers to its open calls, then the connection closes")
    func halfClose() throws {
        let door = EmbeddedDoor()
        let client = try door.client()
        try client.send(call(1) + call(2) + Array(call(3).dropLast()))
        client.endInput()
        #expect(client.isOpen)
        client.connection.answer(door.handler.calls[1].ticket, small)
        door.eventLoop.run()
        #expect(client.isOpen)
        client.connection.answer(door.handler.calls[0].ticket, small)
        door.eventLoop.run()
        #expect(try client.answers().map(\.sequence) == [1, 2])
        #expect(client.isLeft)
        #expect(door.handler.closed == 1)
    }

    @Test("a half-closed client with nothing open is gone at once")
    func halfCloseIdle() throws {
        let door = EmbeddedDoor()
        let client = try door.client()
        try client.send(call(1))
        client.connection.answer(door.handler.calls[0].ticket, small)
        door.eventLoop.run()
        client.endInput()
        #expect(client.isLeft)
    }

    @Test("calls that a full window kept unread when the client half-closed are still taken and answered")
    func halfCloseHeld() throws {
        let door = EmbeddedDoor { $0.pipelining = 2 }
        let client = try door.client()
        try client.send((0..<5).flatMap { call($0) })
        client.endInput()
        for index in 0..<5 {
            #expect(client.isOpen)
            client.connection.answer(door.handler.calls[index].ticket, small)
            door.eventLoop.run()
        }
        #expect(try client.answers().map(\.sequence) == Array(0..<5))
        #expect(client.isLeft)
    }

    @Test("S25: while draining, a connection closes after the answer that leaves nothing open")
    func drainBusy() throws {
        let door = EmbeddedDoor()
        let client = try door.client()
        try client.send(call(1) + call(2))
        let done = door.door.leave()
        var isDone = false
        done.assumeIsolated().whenComplete { _ in isDone = true }
        client.connection.answer(door.handler.calls[0].ticket, small)
        door.eventLoop.run()
        #expect(client.isOpen)
        client.connection.answer(door.handler.calls[1].ticket, small)
        door.eventLoop.run()
        #expect(try client.answers().map(\.sequence) == [1, 2])
        #expect(!client.isOpen)
        #expect(!isDone)
        client.channel.close(promise: nil)
        door.eventLoop.run()
        #expect(isDone)
    }

    @Test("S25: while draining, an idle connection stays for one more call, and is closed when its time has come; a busy one is not")
    func drainIdle() throws {
        let door = EmbeddedDoor()
        let (late, idle, busy, half) = (try door.client(), try door.client(), try door.client(), try door.client())
        try busy.send(call(1))
        try half.send(Array(call(1).dropLast()))
        _ = door.door.leave()
        door.eventLoop.run()
        #expect(late.isOpen && idle.isOpen)
        try late.send(call(2))
        late.connection.answer(door.handler.calls[1].ticket, small)
        door.eventLoop.run()
        #expect(try late.answers().map(\.sequence) == [2])
        #expect(!late.isOpen)
        door.door.leaveIdle()
        door.eventLoop.run()
        #expect(!idle.isOpen)
        #expect(busy.isOpen && half.isOpen)
        door.door.cut()
        door.eventLoop.run()
        #expect(!busy.channel.isActive && !half.channel.isActive)
    }

    @Test("answers for a client that is gone go nowhere, and its handler hears of it once")
    func gone() throws {
        let door = EmbeddedDoor()
        let client = try door.client()
        try client.send(call(1) + call(2))
        client.connection.answer(door.handler.calls[1].ticket, small)
        client.channel.close(promise: nil)
        door.eventLoop.run()
        #expect(door.handler.closed == 1)
        client.connection.answer(door.handler.calls[0].ticket, small)
        door.eventLoop.run()
        #expect(door.door.openConnections == 0)
        #expect(door.door.queuedBytes == 0)
        #expect(door.loop.queuedBytes == 0)
    }
}
