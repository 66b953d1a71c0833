import Links
import NIOCore
import NIOPosix
import Synchronization
import Testing
import Wire

/// A packet server on a port of its own, for one test. `answer` makes what goes back for each packet.
struct EchoServer {
    let endpoint: Endpoint
    /// Packets that came in.
    let heard = Counter()
    private let group: MultiThreadedEventLoopGroup

    final class Counter: Sendable {
        private let count = Atomic(0)
        var value: Int { count.load(ordering: .sequentiallyConsistent) }
        /// Counts one more, and returns its place from 0.
        func next() -> Int { count.wrappingAdd(1, ordering: .sequentiallyConsistent).oldValue }
    }

    /// What a server does about a packet.
    enum Reply {
        case packet(Packet)
        case silence
        case close
    }

    /// Serves while `body` runs.
    static func run<Value: Sendable>(
        _ answer: @escaping @Sendable (Packet, Int) -> Reply = { packet, _ in .packet(packet) },
        during body: @Sendable (EchoServer) async throws -> Value
    ) async throws -> Value {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let server = try await EchoServer(on: group, answer)
            let value = try await body(server)
            try await group.shutdownGracefully()
            return value
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private init(on group: MultiThreadedEventLoopGroup, _ answer: @escaping @Sendable (Packet, Int) -> Reply) async throws {
        self.group = group
        let heard = heard
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(answer: answer, heard: heard))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        endpoint = .host("127.0.0.1", port: try #require(channel.localAddress?.port))
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let answer: @Sendable (Packet, Int) -> Reply
        private let heard: Counter
        private var input = ByteBuffer()

        init(answer: @escaping @Sendable (Packet, Int) -> Reply, heard: Counter) {
            self.answer = answer
            self.heard = heard
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var buffer = unwrapInboundIn(data)
            input.writeBuffer(&buffer)
            var output = ByteBuffer()
            var isClosing = false
            do {
                while !isClosing, let packet = try Packet(from: &input) {
                    if packet.header.type == ControlType.pong.rawValue { continue }
                    switch answer(packet, heard.next()) {
                    case .packet(let reply): reply.write(to: &output)
                    case .silence: break
                    case .close: isClosing = true
                    }
                }
            } catch {
                isClosing = true
            }
            context.writeAndFlush(wrapOutboundOut(output), promise: nil)
            if isClosing { context.close(promise: nil) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
