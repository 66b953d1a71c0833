import Foundation
import NIOCore
import NIOPosix
import Switchyard
import Synchronization
import Testing

/// One end of a real connection: says packets, and remembers what it heard.
final class PacketPeer: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct State {
        var channel: (any Channel)?
        var unread = ByteBuffer()
        var heard: [Packet] = []
        var times: [NIODeadline] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    /// What the peer answers at once to a packet.
    private let answer: @Sendable (Packet) -> [Packet]

    init(answer: @escaping @Sendable (Packet) -> [Packet] = { _ in [] }) { self.answer = answer }

    static func connect(to endpoint: Endpoint?, answer: @escaping @Sendable (Packet) -> [Packet] = { _ in [] }) async throws -> PacketPeer {
        guard case .host(let host, let port)? = endpoint else { throw NotListening() }
        let peer = PacketPeer(answer: answer)
        _ = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(peer) } }
            .connect(host: host, port: port).get()
        return peer
    }

    private struct NotListening: Error {}

    var heard: [Packet] { state.withLock { $0.heard } }
    /// How many those are.
    var count: Int { state.withLock { $0.heard.count } }
    /// The application packets among them.
    var answers: [Packet] { heard.filter { !$0.header.isControl } }
    /// When each of ``heard`` came.
    var times: [NIODeadline] { state.withLock { $0.times } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func say(_ packets: Packet...) { say(packets) }

    func say(_ packets: [Packet]) {
        var buffer = ByteBuffer()
        for packet in packets { packet.write(to: &buffer) }
        let channel = state.withLock { $0.channel }
        channel?.writeAndFlush(buffer, promise: nil)
    }

    func stopReading() async throws {
        let channel = state.withLock { $0.channel }
        try await channel?.setOption(.autoRead, value: false).get()
    }

    func goOnReading() async throws {
        let channel = state.withLock { $0.channel }
        try await channel?.setOption(.autoRead, value: true).get()
    }

    func close() { state.withLock { $0.channel }?.close(promise: nil) }

    /// The codes of every UNDELIVERED that was heard.
    var undelivered: [UInt16] {
        heard.filter { $0.header.type == ControlType.undelivered.rawValue }.compactMap { try? Undelivered(body: $0.body, format: .standard).code }
    }

    /// The code of the REJECT that was heard.
    var rejected: UInt16? {
        heard.last { $0.header.type == ControlType.reject.rawValue }.flatMap { try? Reject(body: $0.body, format: .standard).code }
    }

    func handlerAdded(context: ChannelHandlerContext) { state.withLock { $0.channel = context.channel } }
    func channelInactive(context: ChannelHandlerContext) { state.withLock { $0.isClosed = true } }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        let new = state.withLock { state in
            state.unread.writeBuffer(&bytes)
            var new: [Packet] = []
            while let packet = try? Packet(from: &state.unread) { new.append(packet) }
            state.heard += new
            state.times += new.map { _ in NIODeadline.now() }
            return new
        }
        let answers = new.flatMap(answer)
        if !answers.isEmpty { say(answers) }
    }
}

/// Waits for `condition`; a deadline fails the test.
func eventually(
    _ what: String, within limit: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation, _ condition: @Sendable () async -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while !(await condition()) {
        guard ContinuousClock.now < deadline else {
            Issue.record("not within \(limit): \(what)", sourceLocation: sourceLocation)
            throw Waited()
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}

private struct Waited: Error {}

/// Passes when `attempt` has nothing to complain of in one of a few tries, for what is measured in time: the noise of a busy machine makes
/// things slower and never faster, and a promise that is broken is broken in every try.
func inOneTry(of tries: Int, sourceLocation: SourceLocation = #_sourceLocation, _ attempt: () async throws -> String?) async throws {
    var complaints: [String] = []
    for _ in 0..<tries {
        guard let complaint = try await attempt() else { return }
        complaints.append(complaint)
    }
    Issue.record("in none of \(tries) tries: \(complaints.joined(separator: "; "))", sourceLocation: sourceLocation)
}

/// Holds the thread that it is called on, as code that knows nothing of suspension does.
func hold(seconds: Double) { Thread.sleep(forTimeInterval: seconds) }
