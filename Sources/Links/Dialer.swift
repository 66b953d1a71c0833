package import Logging
package import NIOCore
import NIOPosix
import NIOSSL
import Reactors

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

    /// What stands in a pipeline until the peer has shown who it is, and `settled` is called, once. Which certificate does is decided here.
    fileprivate func handlers(
        _ context: NIOSSLContext, endpoint: Endpoint?, deadline: NIODeadline, settled: @escaping (Result<Void, any Error>) -> Void
    ) throws -> [any ChannelHandler] {
        let name = name(for: endpoint)
        let peer = LinkPeer()
        let tls = try NIOSSLClientHandler(context: context, serverHostname: name)
        let watch = HandshakeWatch(tls, pacer: nil, peer: peer, deadline: deadline) { result in
            // The library takes a certificate for the peer's address, too, where a name was asked for.
            guard case .success = result, let name, !PeerName.isAny(of: peer.hostNames, name) else { return settled(result) }
            settled(.failure(TLSFault.otherName))
            peer.closeSocket()
        }
        return [peer, tls, watch]
    }

    /// TLS on a connection that stands and has carried nothing, for programs that are no links. The future is done when the peer has shown who it is.
    /// - Parameter endpoint: what was dialed.
    package func secure(_ channel: any Channel, endpoint: Endpoint, within timeout: TimeAmount) -> EventLoopFuture<Void> {
        let deadline = NIODeadline.now() + timeout
        return contexts.current(on: channel.eventLoop).flatMap { context in
            let secured = channel.eventLoop.makePromise(of: Void.self)
            do {
                let handlers = try self.handlers(context, endpoint: endpoint, deadline: deadline) { secured.completeWith($0) }
                try channel.pipeline.syncOperations.addHandlers(handlers)
            } catch {
                secured.fail(error)
            }
            return secured.futureResult
        }
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
        let deadline = NIODeadline.now() + timeout
        let secured = loop.eventLoop.makePromise(of: Link.self)
        return security.contexts.current(on: loop.eventLoop).flatMap { context in
            connect(address, on: loop, timeout: timeout) { pipeline in
                let handlers = try security.handlers(context, endpoint: endpoint, deadline: deadline) { result in
                    secured.completeWith(result.flatMap { Result { try pipeline.addHandler(link) } }.map { link })
                }
                try pipeline.addHandlers(handlers)
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
        #if os(Linux)
            if let reactor = loop.eventLoop as? Reactor {
                return SocketChannel.connect(to: address, on: reactor, timeout: timeout) { channel in
                    try Sockets.configure(channel, receiveBuffer: Sockets.trunkBuffer, isTCP: address.isTCP)
                    try fill(channel.pipeline.syncOperations)
                }
            }
        #endif
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
