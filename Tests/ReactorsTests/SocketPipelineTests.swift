import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import Reactors

/// Handlers between a socket and its reader.
@Suite("Sockets: pipelines", .timeLimit(.minutes(2)))
struct SocketPipelineTests {
    /// Holds what comes until it is told to pass it on, and asks for nothing more meanwhile.
    private final class Pacer: ChannelDuplexHandler, @unchecked Sendable {
        typealias InboundIn = ByteBuffer
        typealias OutboundIn = ByteBuffer
        private var held: [ByteBuffer] = []
        private var wantsRead = false
        private(set) var context: ChannelHandlerContext?
        let reads = Notes()

        func handlerAdded(context: ChannelHandlerContext) { self.context = context }
        func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            held.append(unwrapInboundIn(data))
            reads.add("\(held.count)")
        }

        func channelReadComplete(context: ChannelHandlerContext) {}
        func read(context: ChannelHandlerContext) { if held.isEmpty { context.read() } else { wantsRead = true } }

        func release() {
            let bytes = held
            held = []
            for bytes in bytes { context?.fireChannelRead(NIOAny(bytes)) }
            context?.fireChannelReadComplete()
            if wantsRead { context?.read() }
            wantsRead = false
        }
    }

    @Test("a handler that holds what came, and the next read with it, is given no more until it asks", arguments: [Kind.pipeline, .nio])
    func pacing(kind: Kind) async throws {
        try await withConnection(kind) { connection in
            let pacer = Pacer()
            try await connection.on { try $0.pipeline.syncOperations.addHandler(pacer, position: .first) }
            for round in 0..<5 {
                try await connection.peer.write(pattern(100, from: 200 * round))
                try await until("it is held") { pacer.reads.all.count == 2 * round + 1 }
                try await connection.peer.write(pattern(100, from: 200 * round + 100))
                try await connection.turn()
                #expect(pacer.reads.all.count == 2 * round + 1 && connection.recorder.count == 200 * round)
                for part in 1...2 {
                    try await until("the next read") { pacer.reads.all.count == 2 * round + part }
                    try await connection.on { _ in pacer.release() }
                }
                #expect(connection.recorder.bytes == pattern(200 * round + 200))
            }
        }
    }

    @Test("options that handlers go by are told")
    func options() async throws {
        try await withConnection(.pipeline, halfClosure: true) { connection in
            for isOn in [false, true] {
                try await connection.autoRead(isOn)
                #expect(try await connection.on { try $0.syncOptions?.getOption(.autoRead) } == isOn)
            }
            #expect(try await connection.on { try $0.syncOptions?.getOption(.allowRemoteHalfClosure) } == true)
        }
    }

    /// Gives back what it gets.
    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.writeAndFlush(data, promise: nil) }
    }

    private static func context(isServer: Bool) throws -> NIOSSLContext {
        let key = NIOSSLSecureBytes(Array("a key that both sides know".utf8))
        var configuration = TLSConfiguration.makePreSharedKeyConfiguration()
        if isServer {
            configuration.pskServerProvider = { _ in PSKServerIdentityResponse(key: key) }
        } else {
            configuration.pskClientProvider = { _ in PSKClientIdentityResponse(key: key, identity: "client") }
        }
        configuration.maximumTLSVersion = .tlsv12
        return try NIOSSLContext(configuration: configuration)
    }

    @Test("TLS on both ends: records that reads cut in two come whole, in order, and the end is told", arguments: [1, 17, 16_384, 2_000_000])
    func tls(size: Int) async throws {
        let (server, client) = (try SocketPipelineTests.context(isServer: true), try SocketPipelineTests.context(isServer: false))
        try await withReactors(2) { group, reactor in
            let listener = try await SocketListener.bind(to: loopback, backlog: 16, batch: 4, ring: group.ring) { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.addHandlers([NIOSSLServerHandler(context: server), Echo()])
                }
            }
            let recorder = Recorder(readsDirectly: false)
            let channel = try await value(
                SocketChannel.connect(to: listener.address, on: reactor, timeout: .seconds(10)) { channel in
                    let tls = try NIOSSLClientHandler(context: client, serverHostname: nil)
                    try channel.pipeline.syncOperations.addHandlers([tls, recorder])
                })
            for part in 0..<3 { channel.writeAndFlush(ByteBuffer(bytes: pattern(size, from: part * size)), promise: nil) }
            try await until("the echo") { recorder.count >= 3 * size }
            #expect(recorder.bytes == pattern(3 * size))
            channel.close(promise: nil)
            try await value(channel.closeFuture)
            #expect(recorder.notes.all.suffix(3) == ["inactive after \(3 * size)", "unregistered", "removed"])
        }
    }
}
