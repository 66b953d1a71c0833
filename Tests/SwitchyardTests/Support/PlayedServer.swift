import Logging
import NIOCore
import NIOPosix
import Switchyard
import Synchronization
import Wire

/// A Thrift server, framed and binary, whose every answer a test decides.
final class PlayedServer: Sendable {
    enum Answer {
        case nothing
        /// The arguments' type comes back.
        case echo
        case bytes([UInt8])
    }

    private let channel: any Channel
    private let accepted: Accepted

    /// - Parameter answer: called for every call.
    init(_ answer: @escaping @Sendable (ProtoRequest) -> Answer) async throws {
        let accepted = Accepted()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                accepted.add(child)
                return child.eventLoop.makeCompletedFuture { try child.pipeline.syncOperations.addHandler(Connection(answer)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.accepted = accepted
    }

    private final class Accepted: Sendable {
        private let channels = Mutex<[any Channel]>([])
        func add(_ channel: any Channel) { channels.withLock { $0.append(channel) } }
        func closeAll() {
            for channel in channels.withLock({ $0 }) { channel.close(promise: nil) }
        }
    }

    var address: Endpoint { .host("127.0.0.1", port: channel.localAddress?.port ?? 0) }

    func dropConnections() { accepted.closeAll() }

    func stop() async throws {
        try await channel.close()
        accepted.closeAll()
    }

    private final class Connection: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private var unread = ByteBuffer()
        private let answer: @Sendable (ProtoRequest) -> Answer

        init(_ answer: @escaping @Sendable (ProtoRequest) -> Answer) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            unread.writeBuffer(&bytes)
            var reader = ThriftReader(form: ThriftForm(.framed, .binary), limit: 64 << 20)
            while unread.readableBytes > 0 {
                guard case .message(let head) = unread.withUnsafeReadableBytes({ reader.next($0) }) else { return }
                guard let message = unread.readSlice(length: head.count) else { return }
                let request = (try? ThriftBody.arguments(message, body: head.body, encoding: .binary)) ?? ProtoRequest(type: 0)
                switch answer(request) {
                case .nothing: break
                case .bytes(let bytes): context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
                case .echo:
                    let reply = ThriftEnvelope.message(ThriftForm(.framed, .binary), .reply, sequence: head.sequence, name: "rpc") {
                        ThriftBody.write(ProtoReply(type: request.type), encoding: .binary, to: &$0)
                    }
                    context.writeAndFlush(wrapOutboundOut(reply), promise: nil)
                }
            }
        }
    }
}

let silentLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
