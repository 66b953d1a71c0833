import NIOCore
import NIOSSL

/// Who is at the other end of a connection that is more than a bare socket: what a PROXY header or a certificate has told. Stands first in the
/// pipeline of such a connection, and of no other.
///
/// Confined to its event loop.
final class LinkPeer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Whom a load balancer speaks for.
    var client: SocketAddress?
    /// The names of the peer's certificate, which has been verified.
    private(set) var certificateNames: [String] = []
    /// Those of them that say where it may be found: its DNS names, or the common name of one that has no names of any other kind.
    private(set) var hostNames: [String] = []
    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Closes now: TLS would first say good-bye and wait for the answer.
    func closeSocket() { context?.close(promise: nil) }

    func learn(_ certificate: NIOSSLCertificate) {
        let alternatives = certificate._subjectAlternativeNames()
        certificateNames = alternatives.compactMap { name in name.nameType == .dnsName ? String(validating: name.contents, as: UTF8.self) : nil }
        hostNames = certificateNames
        if let der = try? certificate.toDERBytes(), let name = PeerName.commonName(der: der), !certificateNames.contains(name) {
            certificateNames.append(name)
            if alternatives.count == 0 { hostNames = [name] }
        }
    }
}
