package import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A name that could not be turned into addresses.
package struct ResolveError: Error, CustomStringConvertible {
    package var description: String
}

/// Turns an endpoint into every address that it stands for; each is an upstream of its own (config, introduction).
package enum Resolver {
    /// Literal addresses and Unix paths are answered at once; names are looked up on a thread of their own, afresh each time.
    package static func resolve(_ endpoint: Endpoint, on eventLoop: any EventLoop) -> EventLoopFuture<[SocketAddress]> {
        switch endpoint {
        case .unix(let path):
            return eventLoop.makeCompletedFuture { [try SocketAddress(unixDomainSocketPath: path)] }
        case .host(let host, let port):
            if let literal = try? SocketAddress(ipAddress: host, port: port) { return eventLoop.makeSucceededFuture([literal]) }
            let answer = NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { try lookUp(host, port: port) }
            return bounded(answer, host: host)
        }
    }

    /// The system may take its time over a name; an attempt does not (rule S18). A late answer is dropped.
    private static func bounded(_ answer: EventLoopFuture<[SocketAddress]>, host: String) -> EventLoopFuture<[SocketAddress]> {
        let promise = answer.eventLoop.makePromise(of: [SocketAddress].self)
        let cut = answer.eventLoop.scheduleTask(in: Sockets.connectTimeout) {
            promise.fail(ResolveError(description: "cannot resolve \(host): no answer within 5s"))
        }
        answer.whenComplete { result in
            cut.cancel()
            promise.completeWith(result)
        }
        return promise.futureResult
    }

    private static func lookUp(_ host: String, port: Int) throws -> [SocketAddress] {
        var hints = addrinfo()
        #if canImport(Glibc)
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &list)
        guard status == 0 else { throw ResolveError(description: "cannot resolve \(host): \(String(cString: gai_strerror(status)))") }
        defer { freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee {
            if let raw = entry.ai_addr, let address = address(raw, family: entry.ai_family), !found.contains(address) { found.append(address) }
            next = entry.ai_next
        }
        guard !found.isEmpty else { throw ResolveError(description: "\(host) has no IP address") }
        return found
    }

    /// Guard: getaddrinfo promises a `sockaddr` of the family that it names.
    private static func address(_ raw: UnsafeMutablePointer<sockaddr>, family: Int32) -> SocketAddress? {
        switch family {
        case AF_INET: raw.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { SocketAddress($0.pointee) }
        case AF_INET6: raw.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { SocketAddress($0.pointee) }
        default: nil
        }
    }
}

extension SocketAddress {
    /// `10.0.0.1:7100`, `[::1]:7100` or `unix:/path`: how the address stands in logs, metrics and the node names of the choice.
    package var text: String {
        switch self {
        case .v4: "\(ipAddress ?? "?"):\(port ?? 0)"
        case .v6: "[\(ipAddress ?? "?")]:\(port ?? 0)"
        case .unixDomainSocket: "unix:\(pathname ?? "")"
        }
    }

    /// Whether it is a TCP address.
    package var isTCP: Bool {
        if case .unixDomainSocket = self { false } else { true }
    }

    /// The host part alone, for limits per address; empty for Unix sockets.
    package var hostText: String { ipAddress ?? "" }
}
