import NIOCore
import NIOSSL
import NIOTLS

/// Stands behind TLS until the handshake is done, or has failed, or has taken too long, and says which, once. A link begins only after it, so
/// that nothing of a handshake ever reaches one. Removed then.
///
/// Confined to its event loop.
final class HandshakeWatch: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let tls: NIOSSLHandler
    private let pacer: HandshakePacer?
    private let peer: LinkPeer
    private let deadline: NIODeadline
    private var settled: ((Result<Void, any Error>) -> Void)?
    private var timer: Scheduled<Void>?

    /// Too slow.
    struct TimedOut: Error, CustomStringConvertible {
        var description: String { "no TLS handshake within \(Sockets.openingTime.nanoseconds / 1_000_000_000)s" }
    }

    /// - Parameter settled: called once; on success, with the peer's names told to `peer`.
    init(_ tls: NIOSSLHandler, pacer: HandshakePacer?, peer: LinkPeer, deadline: NIODeadline, settled: @escaping (Result<Void, any Error>) -> Void) {
        self.tls = tls
        self.pacer = pacer
        self.peer = peer
        self.deadline = deadline
        self.settled = settled
    }

    func handlerAdded(context: ChannelHandlerContext) { arm(deadline, context) }

    private func arm(_ deadline: NIODeadline, _ context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.late(context) }
    }

    private func late(_ context: ChannelHandlerContext) {
        // Time in which it waited for us is given back.
        let due = deadline + (pacer?.waited ?? .zero)
        if pacer?.waitingSince != nil { return arm(.now() + .seconds(1), context) }
        guard due <= .now() else { return arm(due, context) }
        fail(TimedOut())
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted? = event as? TLSUserEvent else { return context.fireUserInboundEventTriggered(event) }
        timer?.cancel()
        if let certificate = tls.peerCertificate { peer.learn(certificate) }
        guard let settled = settled.take() else { return }
        pacer?.finish()
        settled(.success(()))
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(TLSFault(error, certificate: tls.peerCertificate)) }

    func channelInactive(context: ChannelHandlerContext) {
        fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    /// A channel that never became active ends here.
    func handlerRemoved(context: ChannelHandlerContext) { fail(ChannelError.eof) }

    private func fail(_ error: any Error) {
        timer?.cancel()
        guard let settled = settled.take() else { return }
        settled(.failure(error))
        peer.closeSocket()
    }
}
