package import Logging
package import NIOCore
import NIOPosix
import NIOSSL

/// TLS toward the peers of one dialer, with its files loaded.
package final class DialerSecurity: Sendable {
    fileprivate let contexts: TLSContexts
    private let name: String?

    /// - Parameter logger: told when changed files are taken over, or cannot be.
    /// - Throws: ``TLSFileError``.
    package init(_ files: DialerTLS, logger: Logger?) throws(TLSFileError) {
        contexts = try TLSContexts(files, logger: logger)
        name = files.name
    }

    /// The name that the peer's certificate must be made out to; nil: its IP address.
    fileprivate func name(for endpoint: Endpoint?) -> String? {
        if let name { return name }
        guard case .host(let host, _) = endpoint, (try? SocketAddress(ipAddress: host, port: 0)) == nil else { return nil }
        return host
    }

    /// The next attempt looks at the files, however lately that was done.
    package func expire() { contexts.expire() }
}

/// Opens one link to one address, once. Who dials again, and when, is the caller's (``Backoff``).
package enum Dialer {
    /// Connects within `timeout`, TLS included, and hands the new channel's pipeline to a ``Link`` on `loop` with that owner.
    /// The future fails when the attempt does; after success the owner hears everything from the link.
    /// - Parameter endpoint: what the address was found by; its host is the name that TLS asks the peer for.
    package static func dial(
        _ address: SocketAddress, on loop: LinkLoop, owner: any LinkOwner, timeout: TimeAmount, security: DialerSecurity? = nil,
        endpoint: Endpoint? = nil
    ) -> EventLoopFuture<Link> {
        let link = Link(loop: loop, owner: owner)
        guard let security else { return connect(address, on: loop, timeout: timeout) { try $0.addHandler(link) }.map { _ in link } }
        let name = security.name(for: endpoint)
        let deadline = NIODeadline.now() + timeout
        let secured = loop.eventLoop.makePromise(of: Link.self)
        return security.contexts.current(on: loop.eventLoop).flatMap { context in
            connect(address, on: loop, timeout: timeout) { pipeline in
                let peer = LinkPeer()
                let tls = try NIOSSLClientHandler(context: context, serverHostname: name)
                let watch = HandshakeWatch(tls, pacer: nil, peer: peer, deadline: deadline) { result in
                    secured.completeWith(result.flatMap { Result { try pipeline.addHandler(link) } }.map { link })
                }
                try pipeline.addHandlers([peer, tls, watch])
            }
        }.flatMapError { error in
            // The handshake has told, unless there was none.
            secured.fail(error)
            return loop.eventLoop.makeFailedFuture(error)
        }.flatMap { _ in secured.futureResult }
    }

    private static func connect(
        _ address: SocketAddress, on loop: LinkLoop, timeout: TimeAmount, fill: @escaping (ChannelPipeline.SynchronousOperations) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        nonisolated(unsafe) let fill = fill  // Guard: called on the channel's loop, which is the caller's.
        return ClientBootstrap(group: loop.eventLoop)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Sockets.configure(channel, receiveBuffer: Sockets.trunkBuffer, isTCP: address.isTCP)
                    try fill(channel.pipeline.syncOperations)
                }
            }
            .connect(to: address)
    }
}
