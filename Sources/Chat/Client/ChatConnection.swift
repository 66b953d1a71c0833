package import Links
import NIOCore
import NIOPosix
import Synchronization
import Wire

/// A chat client's connection to a gateway: sends what is asked, and tells what comes.
package final class ChatConnection: Sendable {
    /// Something that a person is to see.
    package enum Event: Equatable, Sendable {
        /// Logged in; the greeting.
        case welcome(String)
        /// Said in the room or to this user alone.
        case said(String)
        case whispered(String)
        /// Someone came or left.
        case presence(String)
        /// The answer to a command.
        case answer(String)
        /// A packet was not delivered, and why.
        case lost(String)
        /// The gateway ended the connection, and why. The last event.
        case ended(String)
    }

    package struct CannotConnect: Error, CustomStringConvertible {
        package var description: String
    }

    /// What comes, in order; ends after ``Event/ended(_:)`` or ``close()``.
    package let events: AsyncStream<Event>
    private let channel: any Channel
    private let identity: Identity

    /// User and token, once the service has told them: they stand in every packet from then on.
    private final class Identity: Sendable {
        let pair = Mutex<(user: UInt64, token: UInt32)>((0, 0))
    }

    private init(events: AsyncStream<Event>, channel: any Channel, identity: Identity) {
        self.events = events
        self.channel = channel
        self.identity = identity
    }

    /// Connects and logs in.
    /// - Throws: ``CannotConnect``.
    package static func open(_ endpoint: Endpoint, name: String) async throws -> ChatConnection {
        let (events, sink) = AsyncStream.makeStream(of: Event.self)
        let identity = Identity()
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(5))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Handler(sink: sink) { user, token in identity.pair.withLock { $0 = (user, token) } })
                }
            }
        do {
            let channel: any Channel =
                switch endpoint {
                case .host(let host, let port): try await bootstrap.connect(host: host, port: port).get()
                case .unix(let path): try await bootstrap.connect(unixDomainSocketPath: path).get()
                }
            let connection = ChatConnection(events: events, channel: channel, identity: identity)
            connection.send(.logIn, name)
            return connection
        } catch {
            let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "no answer"
            throw CannotConnect(description: "cannot connect to \(endpoint): \(reason); is a gateway running there?")
        }
    }

    /// Sends a packet of the chat; one that does not fit is cut to what does.
    package func send(_ type: ChatType, _ text: String) {
        var body = ByteBuffer(string: text)
        let fitting = body.readSlice(length: min(body.readableBytes, PacketHeader.maxBody)) ?? ByteBuffer()
        let (user, token) = identity.pair.withLock { $0 }
        var bytes = ByteBuffer()
        Packet(type: type.rawValue, user: user, token: token, body: fitting).write(to: &bytes)
        channel.writeAndFlush(bytes, promise: nil)
    }

    package func close() { channel.close(promise: nil) }

    /// Turns packets into events; answers PING.
    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let sink: AsyncStream<Event>.Continuation
        private let identify: (UInt64, UInt32) -> Void
        private var input = ByteBuffer()
        private var end = "the gateway closed the connection"

        init(sink: AsyncStream<Event>.Continuation, identify: @escaping (UInt64, UInt32) -> Void) {
            self.sink = sink
            self.identify = identify
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var buffer = unwrapInboundIn(data)
            input.writeBuffer(&buffer)
            do {
                while let packet = try Packet(from: &input) { take(packet, context) }
                input.discardReadBytes()
            } catch {
                end = "this is not a packet gateway: \(error.description)"
                context.close(promise: nil)
            }
        }

        private func take(_ packet: Packet, _ context: ChannelHandlerContext) {
            let text = String(buffer: packet.body)
            switch (ChatType(rawValue: packet.header.type), ControlType(rawValue: packet.header.type)) {
            case (.logIn, _):
                identify(packet.header.user, packet.header.token)
                sink.yield(.welcome(text))
            case (.said, _): sink.yield(.said(text))
            case (.whispered, _): sink.yield(.whispered(text))
            case (.presence, _): sink.yield(.presence(text))
            case (.some, _): sink.yield(.answer(text))
            case (_, .ping):
                var pong = packet
                pong.header.type = ControlType.pong.rawValue
                var bytes = ByteBuffer()
                pong.write(to: &bytes)
                context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
            case (_, .undelivered):
                if let lost = try? Undelivered(body: packet.body, format: .standard) { sink.yield(.lost(Code.name(of: lost.code))) }
            case (_, .reject):
                if let reject = try? Reject(body: packet.body, format: .standard) { end = "the gateway refused: \(Code.name(of: reject.code))" }
            default: break
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func channelInactive(context: ChannelHandlerContext) {
            sink.yield(.ended(end))
            sink.finish()
        }
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
