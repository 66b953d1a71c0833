import NIOCore
import ServiceLifecycle
import Switchyard
import Synchronization
import Telemetry
import Testing
import Wire

/// How a Thrift server leaves.
@Suite("RPC server leaving", .serialized)
struct RPCServerLeavingTests {
    @Test("S25: open calls are answered, their connections close after the last answer, idle ones at half of the time; nobody new is let in")
    func leaves() async throws {
        let barrier = AsyncGate()
        let handler: RPCHandler = { request in
            await barrier.wait()
            return ProtoReply(type: request.type)
        }
        try await withRPCServer(handler: handler) { server in
            let address = server.address
            let busy = try await ThriftPeer.connect(to: address)
            let idle = try await ThriftPeer.connect(to: address)
            for sequence in 1...3 as ClosedRange<Int32> { busy.say(call(sequence)) }
            try await eventually("all are under way") { barrier.count == 3 }
            let leaving = Task { await server.drain(within: .seconds(4), atOnce: false) }
            try await eventually("the idle one is closed") { idle.isClosed }
            #expect(!busy.isClosed)
            await #expect(throws: (any Error).self) { try await ThriftPeer.connect(to: address) }
            barrier.open()
            await leaving.value
            try await eventually("the end") { busy.isClosed }
            #expect(busy.heard.map(\.sequence) == [1, 2, 3] && busy.heard.allSatisfy { $0.reply != nil })
            #expect(await server.status().state == "stopped")
        }
    }

    @Test("S25: when the time is over handlers are cancelled, and their callers are told lost")
    func cut() async throws {
        let begun = Atomic<Int>(0)
        let cancelled = Atomic<Int>(0)
        let handler: RPCHandler = { request in
            begun.wrappingAdd(1, ordering: .relaxed)
            do {
                try await Task.sleep(for: .seconds(60))
            } catch {
                cancelled.wrappingAdd(1, ordering: .relaxed)
                throw error
            }
            return ProtoReply()
        }
        try await withRPCServer(handler: handler) { server in
            let peer = try await ThriftPeer.connect(to: server.address)
            peer.say(call(1), call(2))
            try await eventually("both are under way") { begun.load(ordering: .relaxed) == 2 }
            await server.drain(within: .seconds(1), atOnce: false)
            try await eventually("the end") { peer.isClosed }
            #expect(peer.heard.map(\.sequence) == [1, 2])
            #expect(peer.heard.allSatisfy { $0.exception?.message == "lost: the server stopped before the handler had answered" })
            try await eventually("both heard of it") { cancelled.load(ordering: .relaxed) == 2 }
        }
    }

    @Test("S25: a oneway call, and a call whose client has gone, are handled to their end before the server has left")
    func finishes() async throws {
        let begun = Atomic<Int>(0)
        let done = Atomic<Int>(0)
        let handler: RPCHandler = { request in
            begun.wrappingAdd(1, ordering: .relaxed)
            try await Task.sleep(for: .milliseconds(300))
            done.wrappingAdd(1, ordering: .relaxed)
            return ProtoReply()
        }
        try await withRPCServer(handler: handler) { server in
            let peer = try await ThriftPeer.connect(to: server.address)
            peer.say(call(1, oneway: true), call(2))
            try await eventually("both are under way") { begun.load(ordering: .relaxed) == 2 }
            peer.close()
            await server.drain(within: .seconds(20), atOnce: true)
            #expect(done.load(ordering: .relaxed) == 2)
        }
    }

    @Test("it is a service: a graceful shutdown of its group lets it leave in order")
    func service() async throws {
        let barrier = AsyncGate()
        let settings = RPCServerSettings(listen: .host("127.0.0.1", port: 0))
        let server = RPCServer(settings) { request in
            await barrier.wait()
            return ProtoReply(type: request.type)
        }
        let group = ServiceGroup(services: [server], logger: settings.logger)
        let running = Task { try await group.run() }
        try await eventually("it listens") { server.address != nil }
        let peer = try await ThriftPeer.connect(to: server.address)
        peer.say(call(1))
        try await eventually("the call is under way") { barrier.count == 1 }
        await group.triggerGracefulShutdown()
        barrier.open()
        try await running.value
        try await eventually("the end") { peer.isClosed }
        #expect(peer.heard.first?.reply?.type == 7)
    }

    @Test("S25: a server that has left is asked again and returns at once; one that never began, too")
    func again() async throws {
        try await withRPCServer { server in
            for _ in 0..<2 { await server.drain(within: .seconds(5), atOnce: true) }
            #expect(await server.status().state == "stopped")
        }
        await RPCServer(listen: .host("127.0.0.1", port: 0)) { _ in ProtoReply() }.drain(within: .seconds(5), atOnce: true)
    }
}
