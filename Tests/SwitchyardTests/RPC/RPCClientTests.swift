import NIOCore
import NIOPosix
import Switchyard
import Synchronization
import Testing
import Wire

/// What a program that calls Thrift servers sees, against our own server and against peers that the test plays.
@Suite("RPC client", .serialized)
struct RPCClientTests {
    /// A client of these servers for the time of `body`.
    private func withClient(
        of servers: [Endpoint?], settings change: (inout RPCClientSettings) -> Void = { _ in }, _ body: (RPCClient) async throws -> Void
    ) async throws {
        var settings = RPCClientSettings(to: servers.compactMap { $0 })
        settings.logger = silentLogger
        change(&settings)
        let client = RPCClient(settings)
        do {
            try await body(client)
        } catch {
            await client.close(within: .zero)
            throw error
        }
        await client.close(within: .seconds(1))
    }

    private func expect(_ code: Code, _ call: () async throws -> Void) async {
        do {
            try await call()
            Issue.record("no \(code.name)")
        } catch let error as RPCError {
            #expect(error.code == code, "\(error)")
        } catch {
            Issue.record(error)
        }
    }

    @Test("a call reaches the function and its reply comes back, in every form that servers are spoken to", arguments: allForms)
    func forms(form: ThriftForm) async throws {
        try await withRPCServer { server in
            try await withClient(of: [server.address]) {
                $0.transport = form.transport
                $0.protocol = form.protocol
            } _: { client in
                for size in [0, 1, 1000, 300_000] {
                    let content = ByteBuffer(repeating: 3, count: size)
                    let reply = try await client.call(ProtoRequest(type: 5, content: content, shardingID: -9))
                    #expect(reply == ProtoReply(result: -9, type: 5, content: content))
                }
            }
        }
    }

    @Test("many tasks at once: every call gets its own answer, one at a time or pipelined", arguments: [1, 64])
    func many(inFlight: Int) async throws {
        let handler: RPCHandler = { request in
            if request.type % 7 == 0 { try await Task.sleep(for: .microseconds(Int(request.type % 900))) }
            return ProtoReply(result: request.shardingID, type: request.type)
        }
        try await withRPCServer(handler: handler) { server in
            try await withClient(of: [server.address], settings: { $0.inFlight = inFlight }) { client in
                let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
                    for task in 0..<50 as Range<Int32> {
                        group.addTask {
                            var wrong = 0
                            for number in 0..<40 as Range<Int32> {
                                let reply = try await client.call(ProtoRequest(type: task * 100 + number, shardingID: Int64(task)))
                                if reply.type != task * 100 + number || reply.result != Int64(task) { wrong += 1 }
                            }
                            return wrong
                        }
                    }
                    return try await group.reduce(0, +)
                }
                #expect(wrong == 0)
            }
        }
    }

    @Test("exceptions of the server are thrown as they are; a raw call gets the result as it stands")
    func exceptions() async throws {
        let register: (RPCServer) -> Void = { server in
            server.register("raw") { (call: RPCRawCall) in call.arguments }
            server.register("declares") { (_: RPCRawCall) in ByteBuffer(bytes: [11, 0, 1, 0, 0, 0, 2, 104, 105, 0]) }
            server.register("nothing") { (_: RPCRawCall) in ByteBuffer() }
        }
        let handler: RPCHandler = { _ in throw ThriftException(.busy, "come back later") }
        try await withRPCServer(register: register, handler: handler) { server in
            try await withClient(of: [server.address]) { client in
                await #expect(throws: ThriftException(.busy, "come back later")) { try await client.call(ProtoRequest(type: 1)) }
                await #expect(throws: ThriftException(.unknownMethod, "noRoute: there is no method unheard")) {
                    try await client.call(ProtoRequest(type: 1), method: "unheard")
                }
                let arguments = ByteBuffer(bytes: [2, 0, 1, 1, 0])
                let result = try await client.call("raw", raw: arguments)
                #expect(result == arguments)
                #expect(try await client.call("nothing", raw: ByteBuffer(bytes: [0])) == ByteBuffer(bytes: [0]))
                #expect(try await client.call("declares", raw: ByteBuffer(bytes: [0])).readableBytes == 10)
                await expect(.remoteException) { _ = try await client.call(ProtoRequest(type: 1), method: "declares") }
                await #expect(throws: ThriftException(.missingResult, "the answer holds no result")) {
                    try await client.call(ProtoRequest(type: 1), method: "nothing")
                }
                await expect(.badRequest) { _ = try await client.call("raw", raw: ByteBuffer(bytes: [2, 0, 1])) }
                await expect(.tooLarge) { _ = try await client.call(ProtoRequest(type: 1, content: ByteBuffer(repeating: 0, count: 17_000_000))) }
            }
        }
    }

    @Test("S23: a oneway call is handled, and the caller waits for nothing")
    func oneway() async throws {
        let told = Mutex<[Int32]>([])
        let handler: RPCHandler = { request in
            told.withLock { $0.append(request.type) }
            try await Task.sleep(for: .seconds(60))
            return ProtoReply()
        }
        try await withRPCServer(handler: handler) { server in
            try await withClient(of: [server.address]) { client in
                for type in 1...5 as ClosedRange<Int32> { try await client.tell(ProtoRequest(type: type), method: "rpc") }
                try await eventually("all are handled") { told.withLock { $0.sorted() } == [1, 2, 3, 4, 5] }
            }
        }
    }

    @Test("S4: a server that is not there is noPeer, at once; S1: a full line is busy")
    func absent() async throws {
        try await withClient(of: [.host("127.0.0.1", port: 1)]) { client in
            try await client.start()
            await expect(.noPeer) { _ = try await client.call(ProtoRequest(type: 1)) }
        }
        let gate = AsyncGate()
        let handler: RPCHandler = { _ in
            await gate.wait()
            return ProtoReply()
        }
        try await withRPCServer(handler: handler) { server in
            let change: (inout RPCClientSettings) -> Void = {
                $0.connections = 1
                $0.maxWaiting = 1
                $0.timeout = .seconds(60)
            }
            try await withClient(of: [server.address], settings: change) { client in
                try await client.start()
                async let first = client.call(ProtoRequest(type: 1))
                try await eventually("it is under way") { gate.count == 1 }
                // One of these waits, the other finds no room.
                let codes = await withTaskGroup(of: Code?.self) { group in
                    for _ in 0..<2 {
                        group.addTask {
                            do {
                                _ = try await client.call(ProtoRequest(type: 2))
                                return nil
                            } catch {
                                // So that the other one's time comes.
                                gate.open()
                                return (error as? RPCError)?.code
                            }
                        }
                    }
                    return await group.reduce(into: [Code?]()) { $0.append($1) }
                }
                #expect(codes.count { $0 == .busy } == 1 && codes.count { $0 == nil } == 1)
                _ = try await first
            }
        }
    }

    @Test("a call that is not answered in time throws deadline, and its connection is not used again; the next call is answered")
    func deadline() async throws {
        let handler: RPCHandler = { request in
            if request.type == 1 { try await Task.sleep(for: .seconds(60)) }
            return ProtoReply(type: request.type)
        }
        try await withRPCServer(handler: handler) { server in
            try await withClient(of: [server.address], settings: { $0.connections = 1 }) { client in
                await expect(.deadline) { _ = try await client.call(ProtoRequest(type: 1), timeout: .milliseconds(200)) }
                let next = try await client.call(ProtoRequest(type: 2))
                #expect(next.type == 2)
            }
        }
    }

    @Test("a cancelled task is told at once, while its call waits, is open or was never begun; others are answered", arguments: [1, 16])
    func cancellation(inFlight: Int) async throws {
        let gate = AsyncGate()
        let handler: RPCHandler = { request in
            await gate.wait()
            return ProtoReply(type: request.type)
        }
        let change: (inout RPCClientSettings) -> Void = {
            $0.connections = 1
            $0.inFlight = inFlight
            $0.timeout = .seconds(60)
        }
        try await withRPCServer(handler: handler) { server in
            try await withClient(of: [server.address], settings: change) { client in
                try await client.start()
                let open = Task { try await client.call(ProtoRequest(type: 1)) }
                try await eventually("it is under way") { gate.count == 1 }
                let other = Task { try await client.call(ProtoRequest(type: 2)) }
                let third = Task { try await client.call(ProtoRequest(type: 3)) }
                open.cancel()
                third.cancel()
                await #expect(throws: CancellationError.self) { try await open.value }
                await #expect(throws: CancellationError.self) { try await third.value }
                gate.open()
                #expect(try await other.value.type == 2)
                #expect(try await client.call(ProtoRequest(type: 4)).type == 4)
            }
        }
    }

    @Test("S2: when a connection dies its calls are lost, at once; the next one is made over a new connection")
    func lost() async throws {
        let calls = Atomic<Int>(0)
        let peer = try await PlayedServer { _ in
            calls.wrappingAdd(1, ordering: .relaxed)
            return calls.load(ordering: .relaxed) <= 3 ? .nothing : .echo
        }
        try await withClient(of: [peer.address]) {
            $0.connections = 1
            $0.inFlight = 8
        } _: { client in
            try await withThrowingTaskGroup(of: Code?.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        do {
                            _ = try await client.call(ProtoRequest(type: 1), timeout: .seconds(60))
                            return nil
                        } catch let error as RPCError {
                            return error.code
                        }
                    }
                }
                try await eventually("all have come") { calls.load(ordering: .relaxed) == 3 }
                peer.dropConnections()
                for try await code in group { #expect(code == .lost) }
            }
            #expect(try await client.call(ProtoRequest(type: 6)).type == 6)
        }
        try await peer.stop()
    }

    @Test("S22: an answer that is none is protocol, and the connection is not used again")
    func garbage() async throws {
        let calls = Atomic<Int>(0)
        let peer = try await PlayedServer { _ in
            calls.wrappingAdd(1, ordering: .relaxed)
            return calls.load(ordering: .relaxed) == 1 ? .bytes([0x80, 0, 0, 0, 1, 2, 3, 4]) : .echo
        }
        let settings: (inout RPCClientSettings) -> Void = { $0.connections = 1 }
        try await withClient(of: [peer.address], settings: settings) { client in
            await expect(.protocol) { _ = try await client.call(ProtoRequest(type: 1)) }
            let next = try await client.call(ProtoRequest(type: 6))
            #expect(next.type == 6)
        }
        try await peer.stop()
    }

    @Test("close waits for open calls; later ones are draining; what is open at its end is lost")
    func closing() async throws {
        let gate = AsyncGate()
        let handler: RPCHandler = { request in
            if request.type == 1 { await gate.wait() } else { try await Task.sleep(for: .seconds(60)) }
            return ProtoReply(type: request.type)
        }
        try await withRPCServer(handler: handler) { server in
            try await withClient(of: [server.address]) { client in
                let open = Task { try await client.call(ProtoRequest(type: 1)) }
                let stuck = Task { try await client.call(ProtoRequest(type: 2), timeout: .seconds(60)) }
                try await eventually("one is under way") { gate.count == 1 }
                let closing = Task { await client.close(within: .seconds(1)) }
                gate.open()
                #expect(try await open.value.type == 1)
                await closing.value
                await expect(.lost) { _ = try await stuck.value }
                await expect(.draining) { _ = try await client.call(ProtoRequest(type: 3)) }
            }
        }
    }

    @Test("with hash, calls of one sharding_id go to one server")
    func hash() async throws {
        let seen = Mutex<[Int64: Set<Int>]>([:])
        func handler(_ server: Int) -> RPCHandler {
            { request in
                seen.withLock { _ = $0[request.shardingID, default: []].insert(server) }
                return ProtoReply()
            }
        }
        try await withRPCServer(handler: handler(1)) { first in
            try await withRPCServer(handler: handler(2)) { second in
                try await withClient(of: [first.address, second.address], settings: { $0.balance = .hash }) { client in
                    for key in 1...40 as ClosedRange<Int64> {
                        for _ in 0..<3 { _ = try await client.call(ProtoRequest(type: 1, shardingID: key)) }
                    }
                }
            }
        }
        let servers = seen.withLock { $0 }
        #expect(servers.values.allSatisfy { $0.count == 1 })
        #expect(Set(servers.values.flatMap { $0 }) == [1, 2])
    }
}
