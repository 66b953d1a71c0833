import Links
import NIOCore
import NIOPosix

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// What a failed connection says to a person, in a few words: `connection refused`, not a dump of error types.
func connectionFaultReason(_ error: any Error) -> String {
    switch error {
    case let error as IOError: return reason(errno: error.errnoCode)
    case let error as NIOConnectionError:
        if let first = error.connectionErrors.first { return connectionFaultReason(first.error) }
        return error.dnsAError == nil && error.dnsAAAAError == nil ? "no address" : "the host name \(error.host) cannot be resolved"
    case ChannelError.connectTimeout: return "no answer to the connection attempt"
    case ChannelError.ioOnClosedChannel, ChannelError.eof, ChannelError.inputClosed, ChannelError.outputClosed, ChannelError.alreadyClosed:
        return "closed by the peer"
    default: return String(describing: error)
    }
}

private func reason(errno code: CInt) -> String {
    switch code {
    case ECONNREFUSED: "connection refused; is anything listening there?"
    case ECONNRESET, EPIPE: "connection reset by the peer"
    case ETIMEDOUT: "no answer to the connection attempt"
    case EMFILE: "too many open files; raise the limit with `ulimit -n`"
    case EADDRNOTAVAIL: "no local port is free; use fewer connections"
    case ENOENT: "no such socket"
    case EHOSTUNREACH, ENETUNREACH: "there is no way to that host"
    default: String(cString: strerror(code))
    }
}

extension ClientBootstrap {
    /// Dials a name, an address or a socket path.
    func connect(to endpoint: Endpoint) -> EventLoopFuture<any Channel> {
        switch endpoint {
        case .host(let host, let port): connect(host: host, port: port)
        case .unix(let path): connect(unixDomainSocketPath: path)
        }
    }
}
