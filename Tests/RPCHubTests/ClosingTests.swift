import Links
import Logging
import Membership
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing
import ThriftLink
import Wire

@testable import RPCHub

/// Closing a link in order takes up to two seconds; what depends on it does not wait for that (rules S2, S11).
@Suite("Links that are being closed")
struct ClosingTests {
    @Test("S2, S11: the calls of an agent that another link has taken over from are lost at once, not when its link is closed")
    func displacedAgent() throws {
        let hub = StillHub()
        let (agent, caller) = (try hub.agent(5), try hub.caller(77))
        try caller.ask(1, identify: 77)
        try agent.expectHeard(["WELCOME", "REQUEST"])
        _ = try caller.heard()
        let heir = try StillPeer(.agents, hub)
        try heir.say(RPCFrame(.hello, StillHub.hello(agent: 5)))
        try caller.expectHeard(["UNDELIVERED lost"])
        try agent.expectHeard(["REJECT takenOver"])
        #expect(agent.channel.isActive)
        // Its end tells nobody anything more.
        try agent.channel.close().wait()
        hub.settle()
        try caller.expectHeard([])
        #expect(hub.shard.desk.isEmpty)
    }

    @Test("S3: what such an agent had not been sent goes to another one, or is neverSent")
    func displacedAgentThatDoesNotRead() throws {
        let hub = StillHub()
        let (agent, caller) = (try hub.agent(5), try hub.caller(77))
        _ = try (agent.heard(), caller.heard())
        agent.hold()
        // The first is the socket's, the second still the hub's.
        try caller.ask(1, identify: 77)
        try caller.ask(2, identify: 77)
        let heir = try StillPeer(.agents, hub)
        try heir.say(RPCFrame(.hello, StillHub.hello(agent: 5)))
        try caller.expectHeard(["UNDELIVERED neverSent", "UNDELIVERED lost"])
        #expect(hub.shard.desk.isEmpty)
    }

    @Test("S2: the calls of an agent that broke the protocol are lost at once")
    func brokenAgent() throws {
        let hub = StillHub()
        let (agent, caller) = (try hub.agent(5), try hub.caller(77))
        try caller.ask(1, identify: 77)
        _ = try (agent.heard(), caller.heard())
        try agent.channel.writeInbound(ByteBuffer(bytes: [0, 0, 0, 1, 17, 0, 0, 0]))
        hub.loop.run()
        try caller.expectHeard(["UNDELIVERED lost"])
        try agent.expectHeard(["REJECT protocol"])
        #expect(agent.channel.isActive)
    }

    @Test("S28: the calls of a caller that broke the protocol are cancelled at once")
    func brokenCaller() throws {
        let hub = StillHub()
        let (agent, caller) = (try hub.agent(5), try hub.caller(77))
        try caller.ask(1, identify: 77)
        _ = try agent.heard()
        try caller.channel.writeInbound(ByteBuffer(bytes: [0, 0, 0, 1, 17, 0, 0, 0]))
        hub.loop.run()
        try agent.expectHeard(["CANCEL"])
        #expect(caller.channel.isActive)
    }

    @Test("A hub whose Thrift door cannot open starts nothing, and its event loops go on without the door")
    func doorThatCannotOpen() async throws {
        let taken = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(taken.localAddress?.port)
        var settings = RPCHubSettings(
            id: 1, name: "hub", callers: .host("127.0.0.1", port: 0), agents: .host("127.0.0.1", port: 0), join: JoinList([.everything(token: nil)]))
        settings.thrift = .init(door: ThriftDoorSettings(listen: .host("127.0.0.1", port: port)), rpcID: .type)
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var hub: RPCHub? = RPCHub(settings, group: EventLoops.shared, memory: MemoryBudget(limit: 1 << 30), logger: quiet)
        let shards = try #require(hub).host.shards
        await #expect(throws: (any Error).self) { _ = try await hub?.start() }
        // One that was never serving has nothing to leave.
        await hub?.drain(within: .seconds(10), atOnce: false)
        hub = nil
        for shard in shards { try await shard.loop.eventLoop.submit { shard.loop.enterTurn() }.get() }
        for shard in shards { try await shard.loop.eventLoop.submit {}.get() }
        try await taken.close()
    }
}
