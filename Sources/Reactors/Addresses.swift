#if os(Linux)
    import Glibc
    import NIOCore

    extension SocketAddress {
        /// The address that a system call fills in; nil when it fails, or for a family that no listener has.
        init?(_ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt) {
            var storage = sockaddr_storage()
            var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let result = withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &size) }
            }
            guard result >= 0 else { return nil }
            self.init(storage)
        }

        init?(_ storage: sockaddr_storage) {
            let address: SocketAddress? = withUnsafeBytes(of: storage) { bytes in
                switch CInt(storage.ss_family) {
                case AF_INET: SocketAddress(bytes.loadUnaligned(as: sockaddr_in.self))
                case AF_INET6: SocketAddress(bytes.loadUnaligned(as: sockaddr_in6.self))
                case AF_UNIX: SocketAddress(bytes.loadUnaligned(as: sockaddr_un.self))
                default: nil
                }
            }
            guard let address else { return nil }
            self = address
        }

        /// A socket of its family that does not block.
        func makeSocket() throws -> CInt {
            let family =
                switch self {
                case .v4: AF_INET
                case .v6: AF_INET6
                case .unixDomainSocket: AF_UNIX
                }
            let descriptor = socket(family, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
            return descriptor
        }
    }
#endif
