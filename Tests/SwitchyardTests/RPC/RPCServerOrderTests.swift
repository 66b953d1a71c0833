import NIOCore
import Switchyard
import Synchronization
import Testing
import Wire

/// Which calls of a Thrift server wait for which.
@Suite("RPC server order", .serialized)
struct RPCServerOrderTests {
    @Test("S24: answers to pipelined calls go out in the order of the calls, however long each takes", arguments: allForms, Loops.allCases)
    func ordered(form: ThriftForm, loops: Loops) async throws {
        let handler: RPCHandler = { request in
            if request.type % 3 == 0 { try await Task.sleep(for: .microseconds(Int(request.type * 7919 % 3000))) }
            return ProtoReply(type: request.type)
        }
        try await withRPCServer(group: loops.group, handler: handler) { server in
            let peer = try await ThriftPeer.connect(to: server.address, form: form)
            var expected: [Int32] = []
            for sequence in 0..<300 as Range<Int32> {
                // Errors of our own keep their place too.
                let isKnown = sequence % 10 != 9
                peer.say(call(sequence, ProtoRequest(type: sequence), form: form, name: isKnown ? "rpc" : "unheard"))
                expected.append(sequence)
            }
            try await eventually("all answers") { peer.heard.count == 300 }
            #expect(peer.heard.map(\.sequence) == expected)
            #expect(peer.heard.allSatisfy { $0.sequence % 10 == 9 ? $0.exception != nil : $0.reply?.type == $0.sequence })
        }
    }

    @Test("S24: with ordered: false an answer waits for none before it")
    func unordered() async throws {
        let gathering = AsyncGate()
        let handler: RPCHandler = { request in
            if request.type == 1 { await gathering.wait() }
            return ProtoReply(type: request.type)
        }
        let settings: (inout RPCServerSettings) -> Void = { $0.ordered = false }
        try await withRPCServer(settings: settings, handler: handler) { server in
            let peer = try await ThriftPeer.connect(to: server.address)
            peer.say(call(1, ProtoRequest(type: 1)))
            try await eventually("the first is under way") { gathering.count == 1 }
            #expect(try await peer.ask(2, call(2, ProtoRequest(type: 2))).reply?.type == 2)
            gathering.open()
            try await eventually("the first too") { peer.heard.map(\.sequence) == [2, 1] }
        }
    }

    @Test("calls of several connections, and of one, are handled at the same time")
    func concurrent() async throws {
        let gathering = AsyncGate()
        let handler: RPCHandler = { request in
            await gathering.wait()
            return ProtoReply(type: request.type)
        }
        try await withRPCServer(handler: handler) { server in
            var peers: [ThriftPeer] = []
            for _ in 0..<20 {
                let peer = try await ThriftPeer.connect(to: server.address)
                for sequence in 0..<20 as Range<Int32> { peer.say(call(sequence)) }
                peers.append(peer)
            }
            try await eventually("400 at once") { gathering.count == 400 }
            gathering.open()
            for peer in peers { try await eventually("its answers") { peer.heard.count == 20 } }
        }
    }

    @Test("a handler that blocks its thread delays no other connection's calls")
    func blocking() async throws {
        let barrier = Barrier()
        defer { barrier.open() }
        let handler: RPCHandler = { request in
            if request.type == 1 { barrier.block() }
            return ProtoReply(type: request.type)
        }
        try await withRPCServer(handler: handler) { server in
            let slow = try await ThriftPeer.connect(to: server.address)
            // More than the machine has processors.
            for sequence in 0..<16 as Range<Int32> { slow.say(call(sequence, ProtoRequest(type: 1))) }
            try await eventually("all block") { barrier.waiting == 16 }
            let other = try await ThriftPeer.connect(to: server.address)
            #expect(try await other.ask(1, call(1, ProtoRequest(type: 2))).reply?.type == 2)
            #expect(slow.heard.isEmpty)
            barrier.open()
            try await eventually("their answers") { slow.heard.count == 16 }
        }
    }

    @Test("S8: with lanes, calls of one sharding_id are handled one after the other in their order, others and 0 at once")
    func lanes() async throws {
        let done = Mutex<[Int64: [Int32]]>([:])
        let inside = Mutex<(keys: Set<Int64>, overlaps: Int)>(([], 0))
        let gathering = AsyncGate()
        let handler: RPCHandler = { request in
            let key = request.shardingID
            guard key != 0 else {
                await gathering.wait()
                return ProtoReply(type: request.type)
            }
            inside.withLock { if !$0.keys.insert(key).inserted { $0.overlaps += 1 } }
            if request.type % 4 == 0 { try await Task.sleep(for: .microseconds(Int(request.type) * 1009 % 900)) }
            if request.type % 7 == 0 { await Task.yield() }
            inside.withLock { _ = $0.keys.remove(key) }
            done.withLock { $0[key, default: []].append(request.type) }
            return ProtoReply(type: request.type)
        }
        let settings: (inout RPCServerSettings) -> Void = { $0.order = .shardingID }
        try await withRPCServer(settings: settings, handler: handler) { server in
            let peers = [try await ThriftPeer.connect(to: server.address), try await ThriftPeer.connect(to: server.address)]
            for type in 0..<100 as Range<Int32> {
                for key in 1...8 as ClosedRange<Int64> {
                    // A key stays with its connection: between connections there is no order to keep.
                    peers[Int(key % 2)].say(call(type, ProtoRequest(type: type, shardingID: key)))
                }
            }
            for _ in 0..<10 { peers[0].say(call(-1, ProtoRequest(type: 1))) }
            try await eventually("those without a key are handled at once") { gathering.count == 10 }
            try await eventually("all others were handled") { done.withLock { $0.values.reduce(0) { $0 + $1.count } } == 800 }
            #expect(done.withLock { $0.values.allSatisfy { $0 == Array(0..<100) } })
            #expect(inside.withLock { $0.overlaps } == 0)
            gathering.open()
            try await eventually("every answer") { peers[0].heard.count == 410 && peers[1].heard.count == 400 }
        }
    }

    @Test("S8: a lane holds 1,024 calls; the next is answered busy")
    func fullLane() async throws {
        let gathering = AsyncGate()
        let handler: RPCHandler = { request in
            await gathering.wait()
            return ProtoReply(type: request.type)
        }
        let change: (inout RPCServerSettings) -> Void = {
            $0.order = .shardingID
            $0.ordered = false
            $0.pipelining = 2000
        }
        try await withRPCServer(settings: change, handler: handler) { server in
            let peer = try await ThriftPeer.connect(to: server.address)
            for sequence in 0..<1024 as Range<Int32> { peer.say(call(sequence, ProtoRequest(type: 1, shardingID: 5))) }
            try await eventually("the lane is full") { server.lanes.waiting == 1024 }
            #expect(peer.heard.isEmpty)
            let refused = try await peer.ask(1024, call(1024, ProtoRequest(type: 1, shardingID: 5)))
            #expect(refused.exception == ThriftException(.busy, "the lane of sharding_id 5 is full"))
            gathering.open()
            try await eventually("the others' answers") { peer.heard.count == 1025 }
        }
    }
}
