import Links
import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Why the admin server could not listen, as one line, in the words that every listener of the process uses.
struct AdminBindError: Error, CustomStringConvertible {
    var description: String

    init(_ endpoint: Endpoint, _ error: any Error) {
        description = "cannot listen on \(endpoint): \(AdminBindError.reason(error))"
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as IOError: reason(error.errnoCode)
        case is SocketAddressError.UnknownHost: "the name has no address"
        case SocketAddressError.unixDomainSocketPathTooLong: "the path is too long"
        case is UnixDomainSocketPathWrongType: "there is a file with that path, and it is not a socket"
        case is CancellationError: "it was stopped before it could"
        default: "\(error)"
        }
    }

    private static func reason(_ code: CInt) -> String {
        switch code {
        case EADDRINUSE: "the address is in use; stop what listens there or choose another port"
        case EACCES: "permission denied; use a port above 1023 or give the process the right"
        case EADDRNOTAVAIL: "this machine does not have that address"
        default: String(cString: strerror(code))
        }
    }
}
