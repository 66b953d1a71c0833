import Hub
import Links
import Logging
import Membership
import NIOCore
import RPCHub
import RPCLink
import Switchyard
import Telemetry
import Testing
import Wire

/// How hubs and their callers end, whoever asks and however often.
@Suite("Ends of hubs and callers", .timeLimit(.minutes(1)))
struct HubEndTests {
    private static let loopback = Endpoint.host("127.0.0.1", port: 0)
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let everyone = JoinList([.everything(token: nil)])

    private static func roles() -> [any ProcessRole] {
        let (group, memory) = (EventLoops.shared, MemoryBudget(limit: 1 << 30))
        return [
            Hub(HubSettings(id: 1, name: "hub", edges: loopback, services: loopback, join: everyone), group: group, memory: memory, logger: quiet),
            RPCHub(
                RPCHubSettings(id: 1, name: "hub", callers: loopback, agents: loopback, join: everyone), group: group, memory: memory, logger: quiet),
        ]
    }

    @Test("Draining twice, at once or one after the other, ends for everyone who asked")
    func drainTwice() async throws {
        for role in HubEndTests.roles() {
            _ = try await role.start()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<3 { group.addTask { await role.drain(within: .seconds(10), atOnce: false) } }
            }
            await role.drain(within: .seconds(10), atOnce: false)
            #expect(await role.status().state == "stopped")
        }
    }

    @Test("A caller that is cut with a deadline ahead leaves no timer behind for its event loop to fire")
    func callerCut() async throws {
        let hub = RPCHub(
            RPCHubSettings(id: 1, name: "hub", callers: HubEndTests.loopback, agents: HubEndTests.loopback, join: HubEndTests.everyone),
            group: EventLoops.shared, memory: MemoryBudget(limit: 1 << 30), logger: HubEndTests.quiet)
        let listeners = try await hub.start()
        func address(_ side: String) throws -> Endpoint {
            let text = try #require(listeners.first { $0.side == side }?.address)
            return .host("127.0.0.1", port: try #require(text.split(separator: ":").last.flatMap { Int($0) }))
        }
        let agent = RPCHubAgent(AgentSettings(hubs: [try address("agents")], rpcIDs: [10...10]), logger: HubEndTests.quiet) { _ in
            try await Task.sleep(for: .seconds(100))
            return ProtoReply()
        }
        try await agent.start()
        let eventLoop = EventLoops.shared.next()
        let hubs = [try address("callers")]
        let desk = CallerDesk(CallerSettings(hubs: hubs), eventLoop: eventLoop, memory: MemoryBudget(limit: 1 << 30), logger: HubEndTests.quiet)
        let book = AddressBook(hubs, on: eventLoop) { address, source in
            try? await eventLoop.flatSubmit { desk.dial(address, from: source) }.get()
        } unresolved: { _, error in
            Issue.record("\(error)")
        }
        await book.start()
        let ended = eventLoop.makePromise(of: UInt16.self)
        try await eventLoop.submit {
            desk.begin(
                HubCall(rpc: 10, request: ProtoRequest(type: 1), timeout: 60_000) { result in
                    if case .failure(let failure) = result { ended.succeed(failure.code) } else { ended.succeed(0) }
                })
            #expect(desk.open == 1)
        }.get()
        book.stop()
        try await eventLoop.flatSubmit { () -> EventLoopFuture<Void> in
            let left = desk.leave(within: .seconds(5))
            desk.cut()
            return left
        }.get()
        #expect(try await ended.futureResult.get() == Code.lost.rawValue)
        #expect(try await eventLoop.submit { desk.loop.armedTimers }.get() == 0)
        await agent.stop()
        await hub.drain(within: .seconds(10), atOnce: false)
    }
}
