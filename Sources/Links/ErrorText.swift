import NIOCore
import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A system error without its decoration.
package func describe(_ error: any Error) -> String {
    if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
    if case ChannelError.connectTimeout = error { return "no answer within 5s" }
    if case NIOSSLError.uncleanShutdown = error { return "it closed without a word of TLS" }
    if error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError { return TLSFault(error, certificate: nil).description }
    return "\(error)"
}
