import NIOCore
import Switchyard
import Synchronization
import Telemetry
import Testing
import Wire

/// What a Thrift server holds for its clients, and when it holds no more.
@Suite("RPC server bounds", .serialized)
struct RPCServerBoundTests {
    /// A handler that waits at a gate, and how many calls have come to it.
    private func gated() -> (gate: AsyncGate, handler: RPCHandler) {
        let gate = AsyncGate()
        return (
            gate,
            { request in
                await gate.wait()
                return ProtoReply(type: request.type, content: request.content)
            }
        )
    }

    /// Nothing more comes to the gate although much has been said.
    private func expectHeld(_ gate: AsyncGate, at count: Int, _ server: RPCServer) async throws {
        try await eventually("\(count) are under way") { gate.count == count }
        // Calls of another connection go through the same loops, so what was read before them has been looked at.
        for _ in 0..<20 {
            let other = try await ThriftPeer.connect(to: server.address)
            #expect(try await other.ask(1, call(1, name: "unheard")).exception != nil)
            other.close()
        }
        #expect(gate.count == count)
    }

    @Test("S24: with `pipelining` calls open a connection is not read, and read on when they are answered", arguments: [false, true])
    func pipelining(isOneway: Bool) async throws {
        let (gate, handler) = gated()
        let settings: (inout RPCServerSettings) -> Void = { $0.pipelining = 5 }
        try await withRPCServer(settings: settings, handler: handler) { server in
            let peer = try await ThriftPeer.connect(to: server.address)
            for sequence in 0..<50 as Range<Int32> { peer.say(call(sequence, oneway: isOneway)) }
            peer.say(call(50))
            try await expectHeld(gate, at: 5, server)
            gate.open()
            try await eventually("all are answered") { peer.heard.last?.sequence == 50 }
            #expect(peer.heard.map(\.sequence) == (isOneway ? [50] : Array(0...50)))
        }
    }

    @Test("S24: with more than maxPending bytes of calls in handlers a connection is not read, and read on when they are answered")
    func bytes() async throws {
        let (gate, handler) = gated()
        let settings: (inout RPCServerSettings) -> Void = { $0.limits.maxPending = 1 << 20 }
        try await withRPCServer(settings: settings, handler: handler) { server in
            let peer = try await ThriftPeer.connect(to: server.address)
            let content = ByteBuffer(repeating: 7, count: 300 << 10)
            for sequence in 0..<20 as Range<Int32> { peer.say(call(sequence, ProtoRequest(type: 1, content: content))) }
            try await expectHeld(gate, at: 4, server)
            gate.open()
            try await eventually("all are answered", within: .seconds(30)) { peer.heard.count == 20 }
            #expect(peer.heard.allSatisfy { $0.reply?.content == content })
        }
    }

    @Test("S14: a client that does not read its answers is not read, and others are served")
    func slowReader() async throws {
        let handled = Atomic<Int>(0)
        let handler: RPCHandler = { request in
            if request.type == 1 { handled.wrappingAdd(1, ordering: .relaxed) }
            return ProtoReply(content: request.content)
        }
        let settings: (inout RPCServerSettings) -> Void = { $0.limits.maxPending = 256 << 10 }
        try await withRPCServer(settings: settings, handler: handler) { server in
            let slow = try await ThriftPeer.connect(to: server.address)
            try await slow.stopReading()
            let content = ByteBuffer(repeating: 7, count: 100 << 10)
            // 100 MB, of which the sockets take a few.
            for sequence in 0..<1000 as Range<Int32> { slow.say(call(sequence, ProtoRequest(type: 1, content: content))) }
            let other = try await ThriftPeer.connect(to: server.address)
            try await eventually("some are handled") { handled.load(ordering: .relaxed) > 3 }
            // Until nothing more is handled for it while the other one is served a hundred times.
            var before = -1
            var sequence: Int32 = 0
            while handled.load(ordering: .relaxed) != before {
                before = handled.load(ordering: .relaxed)
                for _ in 0..<100 {
                    sequence += 1
                    #expect(try await other.ask(sequence, call(sequence)).reply != nil)
                }
            }
            #expect(before < 900)
            slow.close()
        }
    }

    @Test("S15: a message over maxFrame closes its connection; one of just that length is served")
    func maxFrame() async throws {
        let settings: (inout RPCServerSettings) -> Void = { $0.maxFrame = 10_000 }
        try await withRPCServer(settings: settings) { server in
            let around = call(1).readableBytes - 4
            let peer = try await ThriftPeer.connect(to: server.address)
            let most = ByteBuffer(repeating: 1, count: 10_000 - around)
            #expect(try await peer.ask(1, call(1, ProtoRequest(type: 1, content: most))).reply?.content == most)
            peer.say(call(2, ProtoRequest(type: 1, content: ByteBuffer(repeating: 1, count: 10_001 - around))))
            try await eventually("the end") { peer.isClosed }
            #expect(peer.heard.count == 1)
        }
    }

    @Test("S16: connections over the limit are closed, and there is room again when one has left")
    func connections() async throws {
        let settings: (inout RPCServerSettings) -> Void = { $0.limits.connections = 3 }
        try await withRPCServer(settings: settings) { server in
            var peers: [ThriftPeer] = []
            for _ in 0..<3 {
                peers.append(try await ThriftPeer.connect(to: server.address))
                #expect(try await peers.last?.ask(1, call(1)).reply != nil)
            }
            let fourth = try await ThriftPeer.connect(to: server.address)
            try await eventually("it is closed") { fourth.isClosed }
            peers[0].close()
            try await eventually("the server has seen it") { await server.status().links == 2 }
            let fifth = try await ThriftPeer.connect(to: server.address)
            #expect(try await fifth.ask(1, call(1)).reply != nil)
        }
    }

    @Test("S13: over `memory` the client that most is held for is closed, and others are served on")
    func memory() async throws {
        let (gate, handler) = gated()
        let change: (inout RPCServerSettings) -> Void = {
            $0.memory = MemoryBudget(limit: 4 << 20)
            $0.limits.maxPending = 64 << 20
        }
        let register: (RPCServer) -> Void = { $0.register("now") { ProtoReply(type: $0.type) } }
        try await withRPCServer(settings: change, register: register, handler: handler) { server in
            let greedy = try await ThriftPeer.connect(to: server.address)
            let modest = try await ThriftPeer.connect(to: server.address)
            #expect(try await modest.ask(1, call(1, name: "now")).reply != nil)
            let content = ByteBuffer(repeating: 7, count: 1 << 20)
            for sequence in 0..<10 as Range<Int32> { greedy.say(call(sequence, ProtoRequest(type: 1, content: content))) }
            try await eventually("the greedy one is closed", within: .seconds(20)) { greedy.isClosed }
            #expect(!modest.isClosed)
            gate.open()
            #expect(try await modest.ask(2, call(2, name: "now")).reply != nil)
        }
    }
}
