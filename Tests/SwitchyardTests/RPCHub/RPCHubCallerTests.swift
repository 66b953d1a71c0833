import Links
import Logging
import Membership
import NIOCore
import RPCHub
import Synchronization
import Telemetry
import Testing
import Wire

@testable import Switchyard

/// Callers and agents of the library, over hubs in this process and real sockets.
@Suite("Callers and agents of RPC hubs")
struct RPCHubCallerTests {
    /// A hub that a test can end.
    private struct RunningHub {
        let hub: RPCHub
        let callers: Endpoint
        let agents: Endpoint

        init(id: UInt64) async throws {
            let loopback = Endpoint.host("127.0.0.1", port: 0)
            let settings = RPCHubSettings(
                id: id, name: "hub-\(id)", callers: loopback, agents: loopback, join: JoinList([.everything(token: nil)]))
            hub = RPCHub(
                settings, group: EventLoops.shared, memory: MemoryBudget(limit: 1 << 30), logger: RPCHubCallerTests.quiet)
            let listeners = try await hub.start()
            func address(_ side: String) throws -> Endpoint {
                let text = try #require(listeners.first { $0.side == side }?.address)
                return .host("127.0.0.1", port: try #require(Int(text.split(separator: ":").last ?? "")))
            }
            callers = try address("callers")
            agents = try address("agents")
        }
    }

    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private var quiet: Logger { RPCHubCallerTests.quiet }

    private func agent(_ hubs: [RunningHub], _ ids: ClosedRange<UInt32> = 10...19, handler: @escaping RPCHubAgent.Handler) async throws -> RPCHubAgent
    {
        let agent = RPCHubAgent(AgentSettings(hubs: hubs.map(\.agents), rpcIDs: [ids]), logger: quiet, handler: handler)
        try await agent.start()
        return agent
    }

    private func caller(_ hubs: [RunningHub]) async throws -> RPCHubCaller {
        let caller = RPCHubCaller(CallerSettings(hubs: hubs.map(\.callers)), logger: quiet)
        try await caller.start()
        return caller
    }

    private static let reverse: RPCHubAgent.Handler = { request in
        ProtoReply(result: request.shardingID, type: request.type, content: ByteBuffer(bytes: Array(request.content.readableBytesView).reversed()))
    }

    private func code(of body: () async throws -> ProtoReply) async throws -> Code? {
        do {
            _ = try await body()
            return nil
        } catch let failure as RPCError {
            return failure.code
        }
    }

    /// The PEERS that list an id may come a moment after WELCOME.
    private func eventually(_ condition: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(20)
        while try await !condition() {
            guard ContinuousClock.now < end else { throw Missed() }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private struct Missed: Error {}

    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    @Test("A function is called by RPC id and answers; what it throws has a code")
    func roundTrip() async throws {
        let hub = try await RunningHub(id: 1)
        let agent = try await agent([hub]) { request in
            switch request.type {
            case 1: throw ThriftException(.internalError, "no luck")
            case 2: throw RPCError(.busy, "come back later")
            case 3: throw CancellationError()
            default: return try await RPCHubCallerTests.reverse(request)
            }
        }
        let caller = try await caller([hub])
        let request = ProtoRequest(type: 7, content: ByteBuffer(string: "hello"), shardingID: 3)
        let reply = try await caller.call(rpcID: 12, request: request)
        #expect(reply == ProtoReply(result: 3, type: 7, content: ByteBuffer(string: "olleh")))
        #expect(try await caller.call(rpcID: 12, request: request, shardingID: 9).result == 9)
        for (type, expected) in [(1, Code.remoteException), (2, .busy), (3, .internal)] as [(Int32, Code)] {
            #expect(try await code { try await caller.call(rpcID: 10, request: ProtoRequest(type: type)) } == expected)
        }
        #expect(try await code { try await caller.call(rpcID: 99, request: request) } == .noRoute)
        await caller.stop()
        await agent.stop()
        await hub.hub.drain(within: .seconds(10), atOnce: false)
    }

    @Test("S2: ten thousand calls at once each have their own answer")
    func many() async throws {
        let hub = try await RunningHub(id: 1)
        let agents = try await [agent([hub], handler: RPCHubCallerTests.reverse), agent([hub], handler: RPCHubCallerTests.reverse)]
        let caller = try await caller([hub])
        let wrong = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<10_000 {
                group.addTask {
                    let text = "call \(number)"
                    while true {
                        do {
                            let reply = try await caller.call(
                                rpcID: 10, request: ProtoRequest(type: 7, content: ByteBuffer(string: text)), timeout: .seconds(60))
                            return String(buffer: reply.content) != String(text.reversed())
                        } catch let failure as RPCError where failure.code == .busy {
                            // Both windows of 256 are full.
                            try await Task.sleep(for: .milliseconds(5))
                        }
                    }
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(wrong == 0)
        await caller.stop()
        for agent in agents { await agent.stop() }
        await hub.hub.drain(within: .seconds(10), atOnce: false)
    }

    @Test("Cancelling the task withdraws the call, and the function's task hears of it")
    func cancel() async throws {
        let hub = try await RunningHub(id: 1)
        let (cancelled, heard) = AsyncStream.makeStream(of: Void.self)
        let (running, started) = AsyncStream.makeStream(of: Void.self)
        let agent = try await agent([hub]) { request in
            started.yield()
            do {
                try await Task.sleep(for: .seconds(100))
            } catch {
                heard.yield()
            }
            return ProtoReply()
        }
        let caller = try await caller([hub])
        let task = Task { try await caller.call(rpcID: 10, request: ProtoRequest(type: 1), timeout: .seconds(50)) }
        for await _ in running { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        for await _ in cancelled { break }
        // One that is cancelled before it begins.
        let early = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await caller.call(rpcID: 10, request: ProtoRequest(type: 1))
        }
        await #expect(throws: CancellationError.self) { try await early.value }
        await caller.stop()
        await agent.stop()
        await hub.hub.drain(within: .seconds(10), atOnce: false)
    }

    @Test("A call ends at its deadline, and the caller's tables are empty")
    func deadline() async throws {
        let hub = try await RunningHub(id: 1)
        let agent = try await agent([hub]) { _ in
            try await Task.sleep(for: .seconds(100))
            return ProtoReply()
        }
        let caller = try await caller([hub])
        #expect(try await code { try await caller.call(rpcID: 10, request: ProtoRequest(type: 1), timeout: .milliseconds(50)) } == .deadline)
        let open = await caller.samples().filter { $0.metric == .callsInFlight }.map(\.value)
        #expect(open == [0])
        await caller.stop()
        await agent.stop()
        await hub.hub.drain(within: .seconds(10), atOnce: false)
    }

    @Test("S3, S25, S30: while two hubs and their agents restart one after the other, no call fails")
    func rollingRestart() async throws {
        let hubs = [try await RunningHub(id: 1), try await RunningHub(id: 2)]
        var agents = try await [agent(hubs, handler: RPCHubCallerTests.reverse), agent(hubs, handler: RPCHubCallerTests.reverse)]
        let caller = try await caller(hubs)
        try await eventually { try await code { try await caller.call(rpcID: 10, request: ProtoRequest(type: 1)) } == nil }
        let isDone = Flag()
        let load = Task { () -> (calls: Int, failures: [String]) in
            var calls = 0
            var failures: [String] = []
            while !isDone.isSet.load(ordering: .relaxed) {
                calls += 1
                do {
                    _ = try await caller.call(
                        rpcID: 10, request: ProtoRequest(type: 7, content: ByteBuffer(string: "\(calls)")), shardingID: Int64(calls % 7))
                } catch {
                    failures.append("\(error)")
                }
            }
            return (calls, failures)
        }
        for index in agents.indices {
            try await Task.sleep(for: .milliseconds(100))
            await agents[index].stop()
            agents[index] = try await agent(hubs, handler: RPCHubCallerTests.reverse)
            // Both hubs have it before the next one goes.
            try await Task.sleep(for: .milliseconds(200))
        }
        await hubs[0].hub.drain(within: .seconds(20), atOnce: false)
        try await Task.sleep(for: .milliseconds(100))
        isDone.isSet.store(true, ordering: .relaxed)
        let result = await load.value
        #expect(result.failures.isEmpty && result.calls > 100, "\(result.failures.prefix(5)) of \(result.calls)")
        await caller.stop()
        for agent in agents { await agent.stop() }
        await hubs[1].hub.drain(within: .seconds(10), atOnce: false)
    }

    @Test("S30: no hub up: noPeer")
    func noHub() async throws {
        let caller = RPCHubCaller(CallerSettings(hubs: [.host("127.0.0.1", port: 1)]), logger: quiet)
        try await caller.start()
        #expect(try await code { try await caller.call(rpcID: 1, request: ProtoRequest(type: 1)) } == .noPeer)
        await caller.stop()
    }
}
