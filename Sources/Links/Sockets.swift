package import NIOCore
import NIOPosix

#if os(Linux)
    import CEpoll
#endif

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Socket options that every link has, whichever side opened it.
package enum Sockets {
    /// Accepted connections that the kernel holds until a loop takes them.
    package static let backlog: Int32 = 4096
    /// An attempt to connect, name resolution included, ends after this (rule S18).
    package static let connectTimeout = TimeAmount.seconds(5)
    /// An accepted connection has this long for its PROXY header and its part of the TLS handshake. A fleet that comes back at once is slow by
    /// itself: with 5 s, nine of ten in a crowd of ten thousand that shared two cores with the server had to try again.
    package static let openingTime = TimeAmount.seconds(20)
    /// Connections that a listener takes in a row; one with TLS costs ten times what a bare one does, and others on the loop wait for it.
    package static let acceptBatch: (bare: UInt, tls: UInt) = (64, 8)

    /// Options that are set through NIO, on a listener's children and on dialled links alike.
    package static func configure(_ channel: any Channel, receiveBuffer: any RecvByteBufferAllocator, isTCP: Bool) throws {
        guard let options = channel.syncOptions else { return }
        // Not writable from the first byte handed over until the last one taken: see `Link.flush`.
        try options.setOption(.writeBufferWaterMark, value: .init(low: 1, high: 1))
        try options.setOption(.recvAllocator, value: receiveBuffer)
        guard isTCP else { return }
        try options.setOption(.tcpOption(.tcp_nodelay), value: 1)
        // The second net under heartbeats (rule S17).
        try options.setOption(.socketOption(.so_keepalive), value: 1)
        #if os(Linux)
            try options.setOption(tcp(TCP_KEEPIDLE), value: 60)
            try options.setOption(tcp(TCP_KEEPINTVL), value: 15)
            try options.setOption(tcp(TCP_KEEPCNT), value: 4)
            try options.setOption(tcp(18), value: 60_000)  // TCP_USER_TIMEOUT, milliseconds
        #endif
    }

    /// Gives bytes to a socket that does not block.
    /// - Returns: how many it took: 0 when it has no room now, or has failed, of which its channel learns by its own next write.
    static func send(_ bytes: UnsafeRawBufferPointer, on socket: NIOBSDSocket.Handle) -> Int {
        while true {
            #if os(Linux)
                let count = switchyard_send(socket, bytes.baseAddress, bytes.count)
            #else
                // NIO has set SO_NOSIGPIPE.
                let count = Darwin.send(socket, bytes.baseAddress, bytes.count, 0)
            #endif
            if count >= 0 { return count }
            guard errno == EINTR else { return 0 }
        }
    }

    private static func tcp(_ name: CInt) -> ChannelOptions.Types.SocketOption {
        ChannelOptions.Types.SocketOption(level: .tcp, name: NIOBSDSocket.Option(rawValue: name))
    }

    /// Read buffers of a client: small at first, because most of a million clients are idle.
    package static var clientBuffer: any RecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1024, maximum: 64 << 10)
    }

    /// Read buffers of a link that carries many clients' traffic.
    package static var trunkBuffer: any RecvByteBufferAllocator { FixedSizeRecvByteBufferAllocator(capacity: 64 << 10) }
}

/// Open file descriptors: raised to the hard limit at start, because every client is one (rule S16).
package enum Descriptors {
    /// Raises the soft limit as far as the system allows; returns how many descriptors may be open now.
    package static func raiseLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(descriptorLimit, &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(descriptorLimit, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    #if canImport(Glibc)
        private static var descriptorLimit: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
    #else
        private static var descriptorLimit: Int32 { RLIMIT_NOFILE }
    #endif
}
