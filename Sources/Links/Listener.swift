package import NIOCore
import NIOPosix

/// A listening socket whose accepted connections become links, spread evenly over the event loops.
package struct Listener: Sendable {
    private let channel: any Channel
    /// Where it really listens: port 0 has become the port that the system gave.
    package let address: Endpoint

    /// Why a socket could not listen, as one line.
    package struct BindError: Error, CustomStringConvertible {
        package var description: String
    }

    /// Binds `endpoint`. `accept` is called on the new connection's own event loop, before it is active, and adds its ``Link``.
    /// - Throws: ``BindError``.
    package static func bind(
        _ endpoint: Endpoint, group: any EventLoopGroup, receiveBuffer: any RecvByteBufferAllocator & Sendable,
        accept: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> Listener {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Sockets.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.maxMessagesPerRead, value: 64)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try Sockets.configure(child, receiveBuffer: receiveBuffer, isTCP: endpoint.isTCP)
                    try accept(child)
                }
            }
        do {
            switch endpoint {
            case .host(let host, let port):
                let channel = try await bootstrap.bind(host: host, port: port).get()
                return Listener(channel: channel, address: .host(host, port: channel.localAddress?.port ?? port))
            case .unix(let path):
                let channel = try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
                return Listener(channel: channel, address: endpoint)
            }
        } catch {
            throw BindError(description: "cannot listen on \(endpoint): \(Listener.reason(error))")
        }
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return switch error.errnoCode {
        case EADDRINUSE: "the address is in use; stop what listens there or choose another port"
        case EACCES: "permission denied; use a port above 1023 or give the process the right"
        case EADDRNOTAVAIL: "this machine does not have that address"
        default: String(cString: strerror(error.errnoCode))
        }
    }

    /// Stops accepting. Accepted links live on.
    package func close() async {
        try? await channel.close().get()
    }
}

extension Endpoint {
    var isTCP: Bool {
        if case .unix = self { false } else { true }
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
