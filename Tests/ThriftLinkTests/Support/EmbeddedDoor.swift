import Links
import Logging
import NIOCore
import NIOEmbedded
import Sessions
import Telemetry
import Wire

@testable import ThriftLink

/// A call that came to the handler, with what the test needs of it after its bytes are gone.
struct SeenCall {
    var connection: ThriftConnection
    var ticket: UInt64
    var isOneway: Bool
    var name: String
    var body: [UInt8]
    var encoding: ThriftEncoding
}

/// Keeps the calls, or answers them at once.
final class RecordingHandler: ThriftCallHandler {
    var calls: [SeenCall] = []
    var closed = 0
    /// Answers within `call`, as a role does that finds no way.
    var immediately: ((ThriftCall, ThriftConnection) -> Bool)?

    func call(_ call: ThriftCall, from connection: ThriftConnection) {
        if let immediately, immediately(call, connection) { return }
        calls.append(
            SeenCall(
                connection: connection, ticket: call.ticket, isOneway: call.isOneway, name: String(decoding: call.name, as: UTF8.self),
                body: Array(call.body), encoding: call.encoding))
    }

    func connectionClosed(_: ThriftConnection) { closed += 1 }
}

/// A door's loop without sockets, and its clients.
final class EmbeddedDoor {
    let eventLoop = EmbeddedEventLoop()
    let loop: LinkLoop
    let handler = RecordingHandler()
    let door: ThriftDoorLoop

    init(_ change: (inout ThriftDoorSettings) -> Void = { _ in }, memory: Int = .max) {
        loop = LinkLoop(eventLoop: eventLoop)
        var settings = ThriftDoorSettings(listen: .host("127.0.0.1", port: 0))
        change(&settings)
        let budget = MemoryBudget(limit: memory)
        door = ThriftDoorLoop(
            loop: loop, side: .clients, settings: settings, admission: Admission(settings.limits), memory: budget, shares: [budget.share()], index: 0,
            log: EventLog(Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }), handler: handler)
    }

    func client() throws -> EmbeddedClient { try EmbeddedClient(self) }
}

/// One client of an ``EmbeddedDoor``: the test says what it sends and when the turn ends.
final class EmbeddedClient {
    let door: EmbeddedDoor
    let connection: ThriftConnection
    let channel: EmbeddedChannel
    private let halfClose = HalfClose()

    init(_ door: EmbeddedDoor) throws {
        self.door = door
        connection = door.door.accept()
        channel = EmbeddedChannel(handlers: [halfClose, connection.link], loop: door.eventLoop)
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 9100)).wait()
        door.eventLoop.run()
    }

    func send(_ bytes: [UInt8]) throws {
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        door.eventLoop.run()
    }

    func endInput() {
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        door.eventLoop.run()
    }

    /// The answers since the last look; the rest of one that is not whole is an error of the test.
    func answers() throws -> [Answer] {
        var bytes: [UInt8] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { bytes += Array(buffer.readableBytesView) }
        var answers: [Answer] = []
        var reader = ThriftReader(limit: .max)
        while !bytes.isEmpty {
            let head: ThriftHead? = bytes.withUnsafeBytes {
                if case .message(let head) = reader.next($0) { head } else { nil }
            }
            guard let head else { throw WireError(.protocol, "half an answer: \(bytes)") }
            answers.append(
                Answer(
                    form: head.form, type: head.type, sequence: head.sequence, name: String(decoding: bytes[head.name], as: UTF8.self),
                    body: Array(bytes[head.body])))
            bytes.removeFirst(head.count)
        }
        return answers
    }

    /// We have shut our direction, or everything.
    var isLeft: Bool { halfClose.isDone || !channel.isActive }
    var isOpen: Bool { connection.isOpen }
    var isAutoRead: Bool {
        channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }.map { $0.value as? Bool ?? true } ?? true
    }
}

/// What a client was told.
struct Answer: Equatable {
    var form: ThriftForm
    var type: ThriftMessageType
    var sequence: Int32
    var name: String
    var body: [UInt8]

    var exception: ThriftException? {
        guard type == .exception else { return nil }
        return try? ThriftBody.exception(ByteBuffer(bytes: body), body: 0..<body.count, encoding: form.protocol.encoding)
    }

    var reply: ProtoReply? {
        guard type == .reply else { return nil }
        let result = try? ThriftBody.result(ByteBuffer(bytes: body), body: 0..<body.count, encoding: form.protocol.encoding)
        guard case .success(let reply) = result else { return nil }
        return reply
    }
}

/// Stands in for a socket's `shutdown`: an embedded channel would close both directions.
private final class HalfClose: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    private(set) var isDone = false

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard case .output = mode else { return context.close(mode: mode, promise: promise) }
        isDone = true
        promise?.succeed(())
    }
}

/// A call of `name`, written out.
func call(
    _ sequence: Int32, form: ThriftForm = ThriftForm(.framed, .binary), name: String = "rpc", oneway: Bool = false,
    _ request: ProtoRequest = ProtoRequest(type: 7)
) -> [UInt8] {
    let message = ThriftEnvelope.message(form, oneway ? .oneway : .call, sequence: sequence, name: name) {
        ThriftBody.write(request, encoding: form.protocol.encoding, to: &$0)
    }
    return Array(message.readableBytesView)
}

/// The forms that clients speak.
let allForms = [
    ThriftForm(.framed, .binary), ThriftForm(.framed, .binaryOld), ThriftForm(.framed, .compact), ThriftForm(.unframed, .binary),
    ThriftForm(.unframed, .binaryOld), ThriftForm(.unframed, .compact), ThriftForm(.header, .binary), ThriftForm(.header, .compact),
]
