import Links
import NIOCore
import Synchronization

/// One entry of a route's `to`: an address, or a name that stands for several, which may change (config, introduction).
final class UpstreamSource: Sendable {
    let endpoint: Endpoint
    let route: Int
    /// The addresses that the route has, by whichever entry.
    private let known: RouteAddresses
    /// Called with addresses that were not known before.
    private let discovered: @Sendable (UpstreamSource, [SocketAddress]) -> Void

    init(endpoint: Endpoint, route: Int, known: RouteAddresses, discovered: @escaping @Sendable (UpstreamSource, [SocketAddress]) -> Void) {
        self.endpoint = endpoint
        self.route = route
        self.known = known
        self.discovered = discovered
    }

    /// Looks the name up; whatever is new becomes an upstream.
    func resolve(on eventLoop: any EventLoop) -> EventLoopFuture<[SocketAddress]> {
        Resolver.resolve(endpoint, on: eventLoop).map { addresses in
            let new = addresses.filter { self.known.claim($0.text) }
            if !new.isEmpty { self.discovered(self, new) }
            return addresses
        }
    }

    /// Whether the name still stands for `address`; a name that cannot be looked up now is taken at its last word.
    func confirm(_ address: SocketAddress, on eventLoop: any EventLoop) -> EventLoopFuture<Bool> {
        guard case .host(let host, let port) = endpoint, (try? SocketAddress(ipAddress: host, port: port)) == nil else {
            return eventLoop.makeSucceededFuture(true)
        }
        return resolve(on: eventLoop).map { addresses in
            if addresses.contains(where: { $0.text == address.text }) { return true }
            self.known.release(address.text)
            return false
        }.flatMapError { _ in eventLoop.makeSucceededFuture(true) }
    }
}

/// The addresses of one route: two entries that stand for the same address make one upstream.
final class RouteAddresses: Sendable {
    private let addresses = Mutex<Set<String>>([])

    /// True for the first to name it.
    func claim(_ address: String) -> Bool { addresses.withLock { $0.insert(address).inserted } }
    func release(_ address: String) { addresses.withLock { _ = $0.remove(address) } }
}
