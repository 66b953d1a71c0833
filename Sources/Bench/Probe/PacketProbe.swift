package import Links
import NIOCore
import NIOPosix
package import Wire

/// One packet to a gateway, and what comes back first.
package enum PacketProbe {
    /// The first thing that a peer says to a packet; PING is answered and not counted as one.
    package enum Outcome: Sendable, Hashable {
        /// An application packet of any type.
        case answer(body: [UInt8])
        case undelivered(Undelivered)
        case rejected(Reject)
        /// Nothing came in time.
        case silence
        /// The peer closed the connection without a word.
        case closed
    }

    /// Connects, sends a packet of `type`, and waits for an outcome, at most `wait` for the connection and again for the answer.
    /// - Throws: ``BenchFailure`` when there is no connection, or the peer does not speak this protocol.
    package static func exchange(
        type: UInt16, user: UInt64 = 0, token: UInt32 = 0, body: [UInt8], with endpoint: Endpoint, wait: Duration
    ) async throws -> Outcome {
        let packet = Packet(type: type, user: user, token: token, body: ByteBuffer(bytes: body))
        let group = MultiThreadedEventLoopGroup.singleton
        let patience = TimeAmount(wait)
        let promise = group.any().makePromise(of: Outcome.self)
        let bootstrap = ClientBootstrap(group: group)
            .connectTimeout(patience)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ProbeHandler(packet: packet, patience: patience, outcome: promise))
                }
            }
        let channel: any Channel
        do {
            channel = try await bootstrap.connect(to: endpoint).get()
        } catch {
            let failure = BenchFailure(description: "cannot connect to \(endpoint): \(connectionFaultReason(error))")
            promise.fail(failure)
            throw failure
        }
        do {
            let outcome = try await promise.futureResult.get()
            channel.close(promise: nil)
            return outcome
        } catch let error as WireError {
            channel.close(promise: nil)
            throw BenchFailure(description: "\(endpoint) does not speak this protocol: \(error.description)")
        } catch {
            channel.close(promise: nil)
            throw BenchFailure(description: "the connection to \(endpoint) failed: \(connectionFaultReason(error))")
        }
    }
}

/// Sends its packet when the channel opens and settles its promise at the first outcome.
private final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let packet: Packet
    private let patience: TimeAmount
    private var outcome: EventLoopPromise<PacketProbe.Outcome>?
    private var input = ByteBuffer()
    private var timer: NIOScheduledCallback?

    init(packet: Packet, patience: TimeAmount, outcome: EventLoopPromise<PacketProbe.Outcome>) {
        self.packet = packet
        self.patience = patience
        self.outcome = outcome
    }

    func channelActive(context: ChannelHandlerContext) {
        send(packet, context)
        do {
            timer = try context.eventLoop.assumeIsolated().scheduleCallback(in: patience, handler: self)
        } catch {
            settle(.failure(error))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        input.writeBuffer(&buffer)
        do {
            while outcome != nil, let packet = try Packet(from: &input) { try take(packet, context) }
        } catch {
            settle(.failure(error))
        }
    }

    private func take(_ packet: Packet, _ context: ChannelHandlerContext) throws {
        switch ControlType(rawValue: packet.header.type) {
        case .ping:
            var pong = packet
            pong.header.type = ControlType.pong.rawValue
            send(pong, context)
        case .undelivered: settle(.success(.undelivered(try Undelivered(body: packet.body, format: .standard))))
        case .reject: settle(.success(.rejected(try Reject(body: packet.body, format: .standard))))
        case nil where !packet.header.isControl: settle(.success(.answer(body: Array(packet.body.readableBytesView))))
        default: break
        }
    }

    private func send(_ packet: Packet, _ context: ChannelHandlerContext) {
        var buffer = context.channel.allocator.buffer(capacity: packet.header.length)
        packet.write(to: &buffer)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { settle(.success(.closed)) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { settle(.failure(error)) }

    private func settle(_ result: Result<PacketProbe.Outcome, any Error>) {
        guard let outcome else { return }
        self.outcome = nil
        timer?.cancel()
        outcome.completeWith(result)
    }
}

extension ProbeHandler: NIOScheduledCallbackHandler {
    func handleScheduledCallback(eventLoop: some EventLoop) { settle(.success(.silence)) }
}
