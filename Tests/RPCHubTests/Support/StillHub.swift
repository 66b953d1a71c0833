import Links
import Logging
import Membership
import NIOCore
import NIOEmbedded
import Testing
import Wire

@testable import RPCHub

/// One event loop of a hub, without sockets and threads. Its time stands still but for ``settle()``: what follows at once and what takes time are
/// told apart for certain.
final class StillHub {
    let loop = EmbeddedEventLoop()
    let shard: Shard
    private let registrar: Registrar<AgentTableBuilder>

    init() {
        loop.advanceTime(to: .now())
        registrar = Registrar(eventLoop: loop, tables: AgentTableBuilder(loops: 1))
        let loopback = Endpoint.host("127.0.0.1", port: 0)
        let settings = RPCHubSettings(
            id: 1, name: "still", callers: loopback, agents: loopback, join: JoinList([.everything(token: nil)]))
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let context = HubContext(limits: settings.limits, memory: MemoryBudget(limit: 1 << 30), logger: logger, registrar: registrar)
        let shard = Shard(index: 0, eventLoop: loop, context: context, settings: settings, table: registrar.emptyTable())
        self.shard = shard
        shard.shards = [shard]
        registrar.effects = Registrar<AgentTableBuilder>.Effects(
            publish: { table in shard.loop.eventLoop.execute { shard.take(table) } },
            displace: { id, _ in shard.onLoop { shard.member(id)?.shell.displaced() } }, leave: { _, _, _ in })
    }

    /// An agent that is welcome, if nobody came before it: the first table is built at once.
    func agent(_ node: UInt64) throws -> StillPeer {
        let peer = try StillPeer(.agents, self)
        try peer.say(RPCFrame(.hello, StillHub.hello(agent: node)))
        return peer
    }

    /// A caller that is welcome, if one agent came before it.
    func caller(_ node: UInt64) throws -> StillPeer {
        let peer = try StillPeer(.callers, self)
        try peer.say(RPCFrame(.hello, Hello(role: .caller, node: node)))
        settle()
        return peer
    }

    /// Lets a table be built that waits for its time, which is the real one.
    func settle() { loop.advanceTime(to: .now() + .milliseconds(20)) }

    static func hello(agent node: UInt64) -> Hello { Hello(role: .agent, node: node, claims: [Claim(10, 19)]) }
}

/// The other end of a link of a ``StillHub``.
final class StillPeer {
    let channel: EmbeddedChannel
    private let loop: EmbeddedEventLoop
    private var unread = ByteBuffer()

    init(_ port: MemberLink.Port, _ hub: StillHub) throws {
        loop = hub.loop
        channel = EmbeddedChannel(handlers: [HalfOpen(), MemberLink(shard: hub.shard, port: port).link], loop: loop)
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 7_400)).wait()
    }

    func say(_ frames: RPCFrame...) throws {
        var bytes = ByteBuffer()
        for frame in frames { frame.write(to: &bytes) }
        try channel.writeInbound(bytes)
        loop.run()
    }

    /// What it has heard since the last call, as kinds and, of UNDELIVERED and REJECT, codes.
    func heard() throws -> [String] {
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { unread.writeImmutableBuffer(buffer) }
        var words: [String] = []
        while let frame = try RPCFrame(from: &unread) {
            let kind = RPCKind(rawValue: frame.header.kind)?.name ?? "\(frame.header.kind)"
            let code = Code(rawValue: frame.header.code).map { " \($0.name)" } ?? ""
            words.append(kind + code)
        }
        return words
    }

    /// It has heard this, PEERS apart, since the last call.
    func expectHeard(_ words: [String], sourceLocation: SourceLocation = #_sourceLocation) throws {
        let heard = try heard().filter { $0 != "PEERS" }
        #expect(heard == words, sourceLocation: sourceLocation)
    }

    /// It does not read.
    func hold() { channel.isWritable = false }

    func ask(_ call: UInt64, identify: UInt64) throws {
        var payload = ByteBuffer()
        ProtoRequest(type: 7, content: ByteBuffer(string: "x")).writePayload(to: &payload)
        try say(RPCFrame(RPCHeader(.request, payloadCount: 0, rpc: 10, timeoutMilliseconds: 0, identify: identify, call: call), payload: payload))
    }
}

/// An embedded channel closes altogether when one direction is to be shut; a socket does not.
private final class HalfOpen: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output { promise?.succeed(()) } else { context.close(mode: mode, promise: promise) }
    }
}
