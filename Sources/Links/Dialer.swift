package import NIOCore
import NIOPosix

/// Opens one link to one address, once. Who dials again, and when, is the caller's (``Backoff``).
package enum Dialer {
    /// Connects within `timeout` and hands the new channel's pipeline to a ``Link`` on `loop` with that owner.
    /// The future fails when the attempt does; after success the owner hears everything from the link.
    package static func dial(_ address: SocketAddress, on loop: LinkLoop, owner: any LinkOwner, timeout: TimeAmount) -> EventLoopFuture<Link> {
        let link = Link(loop: loop, owner: owner)
        return ClientBootstrap(group: loop.eventLoop)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Sockets.configure(channel, receiveBuffer: Sockets.trunkBuffer, isTCP: address.isTCP)
                    try channel.pipeline.syncOperations.addHandler(link)
                }
            }
            .connect(to: address)
            .map { _ in link }
    }
}
