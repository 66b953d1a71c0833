import Logging
import NIOCore
import Synchronization
import Testing
import Wire

@testable import Switchyard

/// What handlers and programs that outlive lanes, servers and event loops still do.
@Suite("Lives of lanes and desks")
struct LaneLifetimeTests {
    /// Lanes that a test lets go of.
    private final class Held: Sendable {
        private let lanes = Mutex<Lanes?>(Lanes())
        var value: Lanes? { lanes.withLock { $0 } }
        func letGo() { lanes.withLock { $0 = nil } }
    }

    private final class Weak: Sendable {
        private let object: Mutex<WeakBox>
        private struct WeakBox { weak var value: Lanes? }
        init(_ value: Lanes?) { object = Mutex(WeakBox(value: value)) }
        var isGone: Bool { object.withLock { $0.value == nil } }
    }

    @Test("a call behind a handler that outlives its lanes is told that it is not done any more", arguments: [true, false])
    func outlivedLanes(stops: Bool) async throws {
        let barrier = Barrier()
        defer { barrier.open() }
        let told = Mutex<[Bool]>([])
        let held = Held()
        let lanes = Weak(held.value)
        let isTaken = held.value?.append(.call({ _ in barrier.block() }), key: 1)
        _ = held.value?.append(.call({ isStopped in told.withLock { $0.append(isStopped) } }), key: 1)
        #expect(isTaken == true)
        try await eventually("the handler is under way") { barrier.waiting == 1 }
        if stops { held.value?.stop() }
        held.letGo()
        try await eventually("the lanes are gone") { lanes.isGone }
        barrier.open()
        try await eventually("the call behind it is told") { told.withLock { $0 } == [true] }
    }

    @Test("a server that is dropped in the middle of a turn leaves its event loop working", arguments: PacketServerSettings.Peers.allCases)
    func droppedInATurn(peers: PacketServerSettings.Peers) async throws {
        let group = EventLoops.start(threads: 1)
        let settings = PacketServerSettings(listen: .host("127.0.0.1", port: 0), peers: peers)
        try await group.next().submit {
            let server = PacketServer(settings, group: group) { router in router.on(7) { packet, _ in packet } }
            // Begins a turn, whose end comes when the server is gone.
            for desk in server.desks { desk.push(packet(7, user: 1)) }
        }.get()
        try await group.next().submit {}.get()
        try await group.shutdownGracefully()
    }

    @Test("what is left in a box after its last call wakes no loop")
    func closedBoxes() async throws {
        let group = EventLoops.start(threads: 1)
        let returned = Atomic<Int>(0)
        let values = Mutex<[Int]>([])
        let returns = ReturnBox(eventLoop: group.next())
        returns.receive = { bytes in returned.wrappingAdd(bytes.count, ordering: .relaxed) }
        let box = ValueBox<Int>(eventLoop: group.next()) { new in values.withLock { $0 += new } }
        returns.put(Return(target: 1, finishes: 0, count: 0)) { _ in }
        #expect(box.put(1))
        try await group.next().submit {}.get()
        returns.close()
        box.close()
        returns.put(Return(target: 1, finishes: 0, count: 0)) { _ in }
        #expect(!box.put(2))
        returns.announce()
        box.announce()
        try await group.next().submit {}.get()
        #expect(returned.load(ordering: .relaxed) == Return.size)
        #expect(values.withLock { $0 } == [1])
        try await group.shutdownGracefully()
    }

    @Test("a handler that outlives its server and the server's event loops answers nobody")
    func outlivedLoops() async throws {
        let group = EventLoops.start(threads: 1)
        let barrier = Barrier()
        defer { barrier.open() }
        var settings = PacketServerSettings(listen: .host("127.0.0.1", port: 0))
        settings.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = PacketServer(settings, group: group) { router in
            router.on(7) { packet, _ in
                barrier.block()
                return packet
            }
        }
        _ = try await server.start()
        let peer = try await PacketPeer.connect(to: server.address)
        peer.say(packet(7), packet(7))
        try await eventually("one is under way") { barrier.waiting == 1 && server.lanes.waiting == 2 }
        await server.drain(within: .milliseconds(50), atOnce: true)
        #expect(server.desks.allSatisfy { $0.box.isClosed })
        try await group.shutdownGracefully()
        barrier.open()
        try await eventually("the lane is empty") { server.lanes.waiting == 0 }
        #expect(barrier.waiting == 1)
    }

    @Test("whoever calls through a client or a hub's caller that has left is told so, even when the event loops are gone", .timeLimit(.minutes(1)))
    func callsBehindTheEnd() async throws {
        let group = EventLoops.start(threads: 1)
        let client = RPCClient(RPCClientSettings(to: [.host("127.0.0.1", port: 9)]), group: group)
        let caller = RPCHubCaller(CallerSettings(hubs: []), group: group)
        let agent = RPCHubAgent(AgentSettings(hubs: [], rpcIDs: [1...1]), group: group) { _ in ProtoReply() }
        try await caller.start()
        try await agent.start()
        await client.close(within: .seconds(1))
        await caller.stop(within: .seconds(1))
        await agent.stop(within: .seconds(1))
        try await group.shutdownGracefully()
        let outcome = await #expect(throws: RPCError.self) { try await client.call(ProtoRequest(type: 1)) }
        #expect(outcome?.code == .draining)
        let failure = await #expect(throws: RPCError.self) { try await caller.call(rpcID: 1, request: ProtoRequest(type: 1)) }
        #expect(failure?.code == .draining)
        await client.close()
        await caller.stop()
        await agent.stop()
    }
}
