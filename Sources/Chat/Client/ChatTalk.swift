import NIOCore
import Wire

/// A chat client's side of its connection: packets become events, PING is answered, and what is asked goes out in its turn.
final class ChatTalk: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let sink: AsyncStream<ChatConnection.Event>.Continuation
    private let name: String
    private var context: ChannelHandlerContext?
    private var turns = ChatTurns()
    /// Told by the service; they stand in every packet from then on.
    private var identity: (user: UInt64, token: UInt32) = (0, 0)
    private var input = ByteBuffer()
    private var hasLeft = false
    private var end = "the gateway closed the connection"
    /// Between two tries to be heard for the last time.
    private static let pause = TimeAmount.milliseconds(200)

    init(_ sink: AsyncStream<ChatConnection.Event>.Continuation, name: String) {
        self.sink = sink
        self.name = name
    }

    // MARK: - Out

    func send(_ type: ChatType, _ text: String) { write(turns.ask(type, text)) }

    /// - Parameter patience: the longest wait for the answers to what was asked.
    func leave(within patience: TimeAmount) {
        write(turns.leave())
        context?.eventLoop.assumeIsolated().scheduleTask(in: patience) {
            self.giveUp("not everything was answered within \(patience.nanoseconds / 1_000_000_000) s")
        }
    }

    private func giveUp(_ why: String) {
        end = why
        context?.close(promise: nil)
    }

    private func write(_ requests: [ChatTurns.Request]) {
        for request in requests {
            var body = ByteBuffer(string: request.text)
            let fitting = body.readSlice(length: min(body.readableBytes, PacketHeader.maxBody)) ?? ByteBuffer()
            write(Packet(type: request.type.rawValue, user: identity.user, token: identity.token, body: fitting))
        }
    }

    private func write(_ packet: Packet) {
        var bytes = ByteBuffer()
        packet.write(to: &bytes)
        context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    // MARK: - In

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) { write([ChatTurns.Request(type: .logIn, text: name)]) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        input.writeBuffer(&buffer)
        do {
            while let packet = try Packet(from: &input) { take(packet) }
            input.discardReadBytes()
        } catch {
            end = "this is not a packet gateway: \(error.description)"
            context.close(promise: nil)
        }
    }

    private func take(_ packet: Packet) {
        let text = String(buffer: packet.body)
        switch (ChatType(rawValue: packet.header.type), ControlType(rawValue: packet.header.type)) {
        case (.logIn, _):
            identity = (packet.header.user, packet.header.token)
            answered(.logIn, .welcome(text))
        case (.said, _): sink.yield(.said(text))
        case (.whispered, _): sink.yield(.whispered(text))
        case (.presence, _): sink.yield(.presence(text))
        case (.some(let type), _): answered(type, .answer(text))
        case (_, .ping):
            var pong = packet
            pong.header.type = ControlType.pong.rawValue
            write(pong)
        case (_, .undelivered):
            guard let lost = try? Undelivered(body: packet.body, format: .standard) else { return }
            undelivered(ChatType(rawValue: lost.lost.type), Code.name(of: lost.code))
        case (_, .reject):
            if let reject = try? Reject(body: packet.body, format: .standard) { end = "the gateway refused: \(Code.name(of: reject.code))" }
        default: break
        }
    }

    private func answered(_ type: ChatType, _ event: ChatConnection.Event) {
        let step = turns.answered(type)
        if step.isShown { sink.yield(event) }
        write(step.send)
        guard step.hasLeft else { return }
        hasLeft = true
        context?.close(promise: nil)
    }

    private func undelivered(_ type: ChatType?, _ code: String) {
        guard type != .logIn else { return giveUp("the login was not delivered: \(code)") }
        guard let type, turns.undelivered(type).asksAgain else {
            sink.yield(.lost(code))
            return
        }
        context?.eventLoop.assumeIsolated().scheduleTask(in: ChatTalk.pause) { self.write([ChatTurns.last]) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) {
        if !hasLeft { sink.yield(.ended(end)) }
        sink.finish()
    }
}
