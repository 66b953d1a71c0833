import NIOCore
import Switchyard
import Synchronization
import Testing
import Wire

/// Which refusals of a server a client takes for an answer, and after which it asks elsewhere (rule S3).
@Suite("RPC client, refused calls", .serialized)
struct RPCClientRetryTests {
    /// Two servers, of which one refuses every call.
    private func withServers(
        refusing code: Code, _ body: (_ client: RPCClient, _ refused: () -> Int) async throws -> Void
    ) async throws {
        let refused = Atomic<Int>(0)
        let refuse: RPCHandler = { _ in
            refused.add(1, ordering: .relaxed)
            throw ThriftException(code, "not here")
        }
        try await withRPCServer(handler: refuse) { refusing in
            try await withRPCServer { willing in
                var settings = RPCClientSettings(to: [refusing.address, willing.address].compactMap { $0 })
                settings.logger = silentLogger
                settings.balance = .random
                let client = RPCClient(settings)
                try await client.start()
                try await body(client) { refused.load(ordering: .relaxed) }
                await client.close(within: .seconds(1))
            }
        }
    }

    @Test(
        "S3: a call that a server refused without beginning it is made once more, on another one",
        arguments: [Code.draining, .noRoute, .neverSent])
    func elsewhere(code: Code) async throws {
        try await withServers(refusing: code) { client, refused in
            for number in 0..<40 as Range<Int32> {
                let reply = try await client.call(ProtoRequest(type: number))
                #expect(reply.type == number)
            }
            // Each of 40 draws would have had to be the same.
            #expect(refused() > 0)
        }
    }

    @Test("S3: what may have been done, or would be refused again, is not repeated", arguments: [Code.busy, .lost, .deadline, .internal])
    func notRepeated(code: Code) async throws {
        try await withServers(refusing: code) { client, refused in
            var heard = 0
            for number in 0..<40 as Range<Int32> {
                do {
                    _ = try await client.call(ProtoRequest(type: number))
                } catch {
                    #expect(error as? ThriftException == ThriftException(code, "not here"))
                    heard += 1
                }
            }
            #expect(heard == refused() && heard > 0)
        }
    }

    @Test("S3: a handler that calls on and is refused there does not say that its own call was not begun")
    func nested() async throws {
        let begun = Atomic<Int>(0)
        let refuse: RPCHandler = { _ in throw ThriftException(.draining, "not here") }
        try await withRPCServer(handler: refuse) { inner in
            var settings = RPCClientSettings(to: [try #require(inner.address)])
            settings.logger = silentLogger
            let onward = RPCClient(settings)
            try await onward.start()
            let handler: RPCHandler = { request in
                begun.add(1, ordering: .relaxed)
                return try await onward.call(request)
            }
            try await withRPCServer(handler: handler) { outer in
                var settings = RPCClientSettings(to: [try #require(outer.address)])
                settings.logger = silentLogger
                settings.connections = 2
                let client = RPCClient(settings)
                try await client.start()
                let error = await #expect(throws: ThriftException.self) { try await client.call(ProtoRequest(type: 1)) }
                #expect(error?.code == .internal)
                #expect(begun.load(ordering: .relaxed) == 1, "it was begun, so it is not made again")
                await client.close(within: .seconds(1))
            }
            await onward.close(within: .seconds(1))
        }
    }

    @Test("S3: with one server the other try goes over another connection; refused twice is the outcome", arguments: [1, 8])
    func otherConnection(inFlight: Int) async throws {
        let asked = Atomic<Int>(0)
        let handler: RPCHandler = { request in
            let number = asked.add(1, ordering: .relaxed).newValue
            if request.type == 1 || number == 1 { throw ThriftException(.draining, "number \(number)") }
            return ProtoReply(type: request.type)
        }
        try await withRPCServer(handler: handler) { server in
            for (connections, calls) in [(1, 1), (2, 2)] {
                asked.store(0, ordering: .relaxed)
                var settings = RPCClientSettings(to: [try #require(server.address)])
                settings.logger = silentLogger
                settings.connections = connections
                settings.inFlight = inFlight
                let client = RPCClient(settings)
                try await client.start()
                await #expect(throws: ThriftException(.draining, "number \(calls)")) { try await client.call(ProtoRequest(type: 1)) }
                #expect(asked.load(ordering: .relaxed) == calls)
                asked.store(0, ordering: .relaxed)
                if connections == 2 { #expect(try await client.call(ProtoRequest(type: 2)).type == 2) }
                await client.close(within: .seconds(1))
            }
        }
    }
}
