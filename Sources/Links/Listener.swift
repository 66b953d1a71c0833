package import Logging
package import NIOCore
import NIOPosix
import Reactors
package import Telemetry

/// A listening socket whose accepted connections become links, spread evenly over the event loops.
package struct Listener: Sendable {
    private let stop: @Sendable () async throws -> Void
    private let doorway: Doorway
    /// Where it really listens: port 0 has become the port that the system gave.
    package let address: Endpoint

    /// Why a socket could not listen, as one line.
    package struct BindError: Error, CustomStringConvertible {
        package var description: String
    }

    /// Binds `endpoint`. `accept` is called on the event loop of each new connection that ``ListenerOptions`` let in, behind its PROXY header and
    /// its TLS handshake where these are asked for, and adds its ``Link``, which then knows whom it is linked with.
    /// - Parameter logger: told of connections that are closed before they are links.
    /// - Throws: ``BindError``; ``TLSFileError``.
    package static func bind(
        _ endpoint: Endpoint, options: ListenerOptions = ListenerOptions(), group: any EventLoopGroup,
        receiveBuffer: any RecvByteBufferAllocator & Sendable, logger: Logger? = nil,
        accept: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> Listener {
        let doorway = try Doorway(options, group: group, logger: logger)
        let batch = options.tls == nil ? Sockets.acceptBatch.bare : Sockets.acceptBatch.tls
        let initializer: @Sendable (any Channel) -> EventLoopFuture<Void> = { child in
            do {
                try Sockets.configure(child, receiveBuffer: receiveBuffer, isTCP: endpoint.isTCP)
            } catch {
                return child.eventLoop.makeFailedFuture(error)
            }
            return doorway.enter(child, accept: accept)
        }
        do {
            #if os(Linux)
                if let ring = ReactorRing.of(group) {
                    let listener = try await SocketListener.bind(
                        to: endpoint.localAddress, backlog: Sockets.backlog, batch: Int(batch), ring: ring, initializer: initializer)
                    return Listener(stop: listener.close, doorway: doorway, address: endpoint.with(port: listener.address.port))
                }
            #endif
            let bootstrap = ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: Sockets.backlog)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.maxMessagesPerRead, value: batch)
                .childChannelInitializer(initializer)
            switch endpoint {
            case .host(let host, let port):
                let channel = try await bootstrap.bind(host: host, port: port).get()
                return Listener(stop: { try await channel.close().get() }, doorway: doorway, address: endpoint.with(port: channel.localAddress?.port))
            case .unix(let path):
                let channel = try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
                return Listener(stop: { try await channel.close().get() }, doorway: doorway, address: endpoint)
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

    /// Gets ready to take over other options; the same ones again let changed TLS files be seen at once (rule S26).
    /// - Returns: takes them over, for connections from there on.
    /// - Throws: ``TLSFileError``; then nothing has changed.
    package func prepare(_ options: ListenerOptions) throws -> @Sendable () -> Void { try doorway.prepare(options) }

    /// What was closed before it became a link.
    package func samples(role: String, side: String) -> [Sample] { doorway.samples(role, side) }

    /// Stops accepting. Accepted links live on.
    package func close() async {
        try? await stop()
    }
}

extension Endpoint {
    var isTCP: Bool {
        if case .unix = self { false } else { true }
    }

    /// Port 0 has become the port that the system gave.
    fileprivate func with(port: Int?) -> Endpoint {
        guard case .host(let host, _) = self, let port else { return self }
        return .host(host, port: port)
    }

    /// What to bind to.
    fileprivate var localAddress: SocketAddress {
        get throws {
            switch self {
            case .host(let host, let port): try .makeAddressResolvingHost(host, port: port)
            case .unix(let path): try SocketAddress(unixDomainSocketPath: path)
            }
        }
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
