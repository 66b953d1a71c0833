import Links
import NIOCore
import NIOPosix
import Synchronization
import Wire

@testable import ThriftLink

/// A pool on an event loop of its own, and what its owner hears.
final class PlayedPool: Sendable {
    /// What became of calls and servers, in the order in which it was told.
    enum Event: Equatable {
        case answered(UInt64)
        case failed(UInt64, Code)
        case unresolved

        var token: UInt64 {
            switch self {
            case .answered(let token), .failed(let token, _): token
            case .unresolved: 0
            }
        }
    }

    /// Guard: confined to the event loop.
    private final class Owner: UpstreamPoolOwner, @unchecked Sendable {
        let events = Mutex<[Event]>([])

        func pool(_: UpstreamPool, answered token: UInt64, _: UpstreamAnswer) { add(.answered(token)) }
        func pool(_: UpstreamPool, failed token: UInt64, _ failure: UpstreamFailure) { add(.failed(token, failure.code)) }
        func pool(_: UpstreamPool, wants _: UInt64) -> Bool { true }
        func pool(_: UpstreamPool, tells event: UpstreamEvent) { if case .unresolved = event { add(.unresolved) } }
        private func add(_ event: Event) { events.withLock { $0.append(event) } }
    }

    private let owner = Owner()
    let pool: UpstreamPool
    let eventLoop: any EventLoop

    /// - Parameter resolve: in place of the system's look-up.
    init(
        to: [Endpoint], connections: Int = 1, settings change: (inout UpstreamSettings) -> Void = { _ in },
        resolve: ((Endpoint, any EventLoop) -> EventLoopFuture<[SocketAddress]>)? = nil
    ) {
        eventLoop = EventLoops.shared.next()
        var settings = UpstreamSettings(to: to)
        change(&settings)
        pool = UpstreamPool(settings, share: connections, loop: LinkLoop(eventLoop: eventLoop), owner: owner)
        if let resolve { pool.resolve = resolve }
    }

    var events: [Event] { owner.events.withLock { $0 } }

    /// Does something with the pool, on its event loop.
    func on<T: Sendable>(_ body: @escaping @Sendable (UpstreamPool) -> T) async throws -> T {
        try await eventLoop.submit { [pool] in body(pool) }.get()
    }

    /// A call with a minute's time.
    func send(_ token: UInt64, key: UInt64 = 0, body: [UInt8] = [0]) async throws {
        try await on { pool in
            Array("rpc".utf8).withUnsafeBytes { name in
                body.withUnsafeBytes {
                    pool.send(token, CallParts(name: name, body: $0), key: key, deadline: LinkLoop.tick(of: .now() + .minutes(1)))
                }
            }
        }
    }
}

/// A Thrift server, framed and binary, whose manners a test decides.
final class PlayedServer: Sendable {
    enum Manners {
        /// Accepts, and does not even read.
        case deaf
        /// Reads, and never answers.
        case silent
        /// Answers every call with an empty result.
        case polite
    }

    private let channel: any Channel
    private let children: Children

    private final class Children: Sendable {
        let channels = Mutex<[any Channel]>([])
    }

    init(_ manners: Manners) async throws {
        let children = Children()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: manners != .deaf)
            .childChannelInitializer { child in
                children.channels.withLock { $0.append(child) }
                return child.eventLoop.makeCompletedFuture {
                    if manners == .polite { try child.pipeline.syncOperations.addHandler(Answering()) }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.children = children
    }

    var address: SocketAddress { channel.localAddress! }
    var endpoint: Endpoint { .host("127.0.0.1", port: address.port ?? 0) }
    var connections: Int { children.channels.withLock { $0.count } }

    func dropConnections() {
        for channel in children.channels.withLock({ $0 }) { channel.close(promise: nil) }
    }

    func stop() async throws {
        try await channel.close()
        dropConnections()
    }

    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private var unread = ByteBuffer()
        private var reader = ThriftReader(form: ThriftForm(.framed, .binary), limit: .max)

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            unread.writeBuffer(&bytes)
            while unread.readableBytes > 0, case .message(let head) = unread.withUnsafeReadableBytes({ reader.next($0) }) {
                unread.moveReaderIndex(forwardBy: head.count)
                let answer = ThriftEnvelope.message(head.form, .reply, sequence: head.sequence, name: "rpc") { $0.writeInteger(UInt8(0)) }
                context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
            }
        }
    }
}
