import NIOCore
import NIOPosix
import Switchyard
import Synchronization
import Testing
import Wire

/// What a Thrift client was told.
struct ThriftMessage: Equatable {
    var form: ThriftForm
    var type: ThriftMessageType
    var sequence: Int32
    var name: String
    var body: ByteBuffer

    var exception: ThriftException? {
        guard type == .exception else { return nil }
        return try? ThriftBody.exception(body, body: 0..<body.readableBytes, encoding: form.protocol.encoding)
    }

    var reply: ProtoReply? {
        guard type == .reply else { return nil }
        guard case .success(let reply)? = try? ThriftBody.result(body, body: 0..<body.readableBytes, encoding: form.protocol.encoding) else {
            return nil
        }
        return reply
    }
}

/// A call of `name`, written out.
func call(
    _ sequence: Int32, _ request: ProtoRequest = ProtoRequest(type: 7), form: ThriftForm = ThriftForm(.framed, .binary), name: String = "rpc",
    oneway: Bool = false
) -> ByteBuffer {
    ThriftEnvelope.message(form, oneway ? .oneway : .call, sequence: sequence, name: name) {
        ThriftBody.write(request, encoding: form.protocol.encoding, to: &$0)
    }
}

/// A call whose arguments are these bytes.
func call(_ sequence: Int32, arguments: [UInt8], form: ThriftForm = ThriftForm(.framed, .binary), name: String = "rpc") -> ByteBuffer {
    ThriftEnvelope.message(form, .call, sequence: sequence, name: name) { $0.writeBytes(arguments) }
}

/// The forms that clients speak.
let allForms = [
    ThriftForm(.framed, .binary), ThriftForm(.framed, .binaryOld), ThriftForm(.framed, .compact), ThriftForm(.unframed, .binary),
    ThriftForm(.unframed, .binaryOld), ThriftForm(.unframed, .compact), ThriftForm(.header, .binary), ThriftForm(.header, .compact),
]

/// A Thrift client over a real connection: says bytes, and remembers what it heard.
final class ThriftPeer: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct State {
        var channel: (any Channel)?
        var unread = ByteBuffer()
        var heard: [ThriftMessage] = []
        var isClosed = false
        var failure: String?
    }

    private let form: ThriftForm
    private let state = Mutex(State())

    private init(_ form: ThriftForm) { self.form = form }

    static func connect(to endpoint: Endpoint?, form: ThriftForm = ThriftForm(.framed, .binary)) async throws -> ThriftPeer {
        guard case .host(let host, let port)? = endpoint else { throw NotListening() }
        let peer = ThriftPeer(form)
        _ = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: false)
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(peer) } }
            .connect(host: host, port: port).get()
        return peer
    }

    private struct NotListening: Error {}

    var heard: [ThriftMessage] { state.withLock { $0.heard } }
    var isClosed: Bool { state.withLock { $0.isClosed } }
    /// What was heard and was no message; nil while all is well.
    var failure: String? { state.withLock { $0.failure } }

    func say(_ bytes: ByteBuffer...) {
        let channel = state.withLock { $0.channel }
        for buffer in bytes { channel?.write(buffer, promise: nil) }
        channel?.flush()
    }

    func say(_ bytes: [UInt8]) { say(ByteBuffer(bytes: bytes)) }

    /// Has nothing more to say, and listens.
    func endOutput() { state.withLock { $0.channel }?.close(mode: .output, promise: nil) }
    func close() { state.withLock { $0.channel }?.close(promise: nil) }

    func stopReading() async throws {
        let channel = state.withLock { $0.channel }
        try await channel?.setOption(.autoRead, value: false).get()
    }

    func handlerAdded(context: ChannelHandlerContext) { state.withLock { $0.channel = context.channel } }
    func channelInactive(context: ChannelHandlerContext) { state.withLock { $0.isClosed = true } }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        state.withLock { state in
            state.unread.writeBuffer(&bytes)
            while let message = next(&state) { state.heard.append(message) }
        }
    }

    private func next(_ state: inout State) -> ThriftMessage? {
        var reader = ThriftReader(form: form, limit: 64 << 20)
        guard state.unread.readableBytes > 0 else { return nil }
        switch state.unread.withUnsafeReadableBytes({ reader.next($0) }) {
        case .message(let head):
            guard let bytes = state.unread.readSlice(length: head.count) else { return nil }
            return ThriftMessage(
                form: head.form, type: head.type, sequence: head.sequence,
                name: bytes.getString(at: bytes.readerIndex + head.name.lowerBound, length: head.name.count) ?? "",
                body: bytes.getSlice(at: bytes.readerIndex + head.body.lowerBound, length: head.body.count) ?? ByteBuffer())
        case .incomplete: return nil
        case .refused(let refusal): state.failure = refusal.message
        case .malformed(let error): state.failure = error.description
        }
        return nil
    }
}
