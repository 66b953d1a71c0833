import Links
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing
import Wire

@testable import Membership

/// A hub of a few lines on a real socket, and a user that dials it and notes what it is told.
final class DialingRig: Sendable {
    typealias Answer = @Sendable (Packet) -> [Packet]

    private struct State {
        var answer: Answer = { _ in [] }
        var heard: [Packet] = []
        var events: [String] = []
        var channels: [any Channel] = []
        var books: [AddressBook] = []
        var user: RecordingUser?
    }

    let hello = Hello(role: .edge, cluster: 1, node: 9, token: Array("secret".utf8), name: "edge-9")
    private let state = Mutex(State())
    private let group = EventLoops.start(threads: 1)
    /// The hub's.
    private let others = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop: LinkLoop

    init() { loop = LinkLoop(eventLoop: group.next()) }

    static func welcome(hub: UInt64, heartbeat: UInt32 = 10_000) -> Packet {
        Packet(Welcome(hub: hub, heartbeatMilliseconds: heartbeat, maxFrame: 65_535, name: "test"))
    }

    static func run(_ body: (DialingRig) async throws -> Void) async throws {
        let rig = DialingRig()
        let result: Result<Void, any Error>
        do { result = .success(try await body(rig)) } catch { result = .failure(error) }
        await rig.stop()
        try result.get()
    }

    var heard: [Packet] { state.withLock { $0.heard } }
    var events: [String] { state.withLock { $0.events } }
    /// Links that were accepted so far.
    var links: Int { state.withLock { $0.channels.count } }
    func answer(_ answer: @escaping Answer) { state.withLock { $0.answer = answer } }
    func note(_ event: String) { state.withLock { $0.events.append(event) } }
    func closeLinks() { for channel in state.withLock({ $0.channels }) { channel.close(promise: nil) } }

    /// Listens, dials, and returns when the first attempt has ended.
    func start() async {
        guard
            let server = try? await ServerBootstrap(group: others).childChannelInitializer({ child in
                child.eventLoop.makeCompletedFuture {
                    self.state.withLock { $0.channels.append(child) }
                    try child.pipeline.syncOperations.addHandler(HubEnd(rig: self))
                }
            }).bind(host: "127.0.0.1", port: 0).get(), let port = server.localAddress?.port
        else { return }
        let book = AddressBook([.host("127.0.0.1", port: port)], on: loop.eventLoop) { address, source in
            try? await self.loop.eventLoop.flatSubmit {
                let user = RecordingUser(rig: self, address: address, source: source)
                self.state.withLock { $0.user = user }
                return user.hub.start()
            }.get()
        } unresolved: { _, error in
            Issue.record("\(error)")
        }
        state.withLock { $0.books.append(book) }
        await book.start()
    }

    private func onUser(_ body: @escaping @Sendable (RecordingUser) -> EventLoopFuture<Void>) async {
        guard let user = state.withLock({ $0.user }) else { return }
        try? await loop.eventLoop.flatSubmit { body(user) }.get()
    }

    func leave() async { await onUser { $0.hub.leave(within: .seconds(5)) } }
    func claim(_ claims: [Claim]) async {
        await onUser { user in
            user.hub.claim(claims)
            return user.hub.loop.eventLoop.makeSucceededVoidFuture()
        }
    }

    func until(_ what: Comment, _ condition: ([String]) -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !condition(events) {
            try #require(ContinuousClock.now < deadline, what)
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    private func stop() async {
        for book in state.withLock({ $0.books }) { book.stop() }
        await onUser { user in
            user.hub.cut()
            return user.hub.loop.eventLoop.makeSucceededVoidFuture()
        }
        closeLinks()
        try? await group.shutdownGracefully()
        try? await others.shutdownGracefully()
    }

    fileprivate func heard(_ packet: Packet) -> [Packet] {
        let answer = state.withLock { state in
            state.heard.append(packet)
            return state.answer
        }
        return answer(packet)
    }
}

/// The hub's end of one link.
private final class HubEnd: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let rig: DialingRig
    private var unread = ByteBuffer()

    init(rig: DialingRig) { self.rig = rig }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        unread.writeBuffer(&bytes)
        var answers = ByteBuffer()
        while let packet = try? Packet(from: &unread) { for answer in rig.heard(packet) { answer.write(to: &answers) } }
        if answers.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(answers), promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Notes what it is told; ends its part of a leaving at once.
final class RecordingUser: HubLinkUser, @unchecked Sendable {
    private(set) var hub: HubLink!
    private let rig: DialingRig

    init(rig: DialingRig, address: SocketAddress, source: AddressSource) {
        self.rig = rig
        hub = HubLink(address, from: source, rank: 0, hello: rig.hello, wire: PacketHubWire(), on: rig.loop, user: self)
    }

    func hubIsUp(_ hub: HubLink, _ welcome: Welcome) { rig.note("up \(welcome.hub)") }
    func hub(_ hub: HubLink, reaches peers: Peers) {
        guard case .ranges(let ranges) = peers else { return rig.note("peers everything") }
        rig.note("peers [\(ranges.map { "\($0.lo)-\($0.hi)" }.joined(separator: ", "))]")
    }

    func hub(_ hub: HubLink, on link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        var buffer = ByteBuffer(bytes: bytes)
        while let packet = try? Packet(from: &buffer) {
            guard let kind = ControlType(rawValue: packet.header.type) else {
                rig.note("packet \(packet.header.type)")
                continue
            }
            let isOurs = packet.body.withUnsafeReadableBytes { hub.hear(kind, $0) }
            if !isOurs { rig.note("\(kind)") }
        }
        return Consumed(bytes: bytes.count - buffer.readableBytes, needed: PacketHeader.size)
    }

    func hubDrained(_ hub: HubLink, _ link: Link) { rig.note("drained") }
    func hubIsLeaving(_ hub: HubLink) {
        rig.note("leaving")
        hub.answeredEverything()
    }
    func hubHasStopped(_ hub: HubLink) {
        rig.note("stopped")
        hub.done()
    }
    func hubIsDown(_ hub: HubLink, _ code: Code) { rig.note("down \(code)") }
    func hub(_ hub: HubLink, left remains: Remains) { rig.note("left") }
    func hub(_ hub: HubLink, event kind: String, level: Logger.Level, _ message: String) { rig.note("log \(kind): \(message)") }
}
