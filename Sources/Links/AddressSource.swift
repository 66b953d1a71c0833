package import NIOCore
import Synchronization

/// One entry of a list of peers to dial: an address, or a name that stands for several, which may change (config, introduction).
package final class AddressSource: Sendable {
    package let endpoint: Endpoint
    /// Its place in the list.
    package let position: Int
    /// How it is dialed.
    package let security: DialerSecurity?
    /// The addresses that the list has, by whichever entry.
    private let known: KnownAddresses
    /// Those of them that this entry has named first.
    private let own = Mutex<Set<String>>([])
    private let retired = Atomic(false)
    /// Called with addresses that were not known before.
    private let discovered: @Sendable (AddressSource, [SocketAddress]) -> Void

    init(
        endpoint: Endpoint, position: Int, security: DialerSecurity?, known: KnownAddresses,
        discovered: @escaping @Sendable (AddressSource, [SocketAddress]) -> Void
    ) {
        self.endpoint = endpoint
        self.position = position
        self.security = security
        self.known = known
        self.discovered = discovered
    }

    /// Looks the name up; whatever is new is dialed.
    func resolve(on eventLoop: any EventLoop) -> EventLoopFuture<[SocketAddress]> {
        Resolver.resolve(endpoint, on: eventLoop).map { addresses in
            guard !self.isRetired else { return addresses }
            let new = addresses.filter { self.known.claim($0.text) }
            // Whoever retires it meanwhile has released what was its own until then.
            let isListed = self.own.withLock { own in
                if !self.isRetired { own.formUnion(new.map(\.text)) }
                return !self.isRetired
            }
            guard isListed else {
                for address in new { self.known.release(address.text) }
                return addresses
            }
            if !new.isEmpty { self.discovered(self, new) }
            return addresses
        }
    }

    /// It is no longer listed: it stands for nothing.
    package var isRetired: Bool { retired.load(ordering: .relaxed) }

    func retire() {
        let released = own.withLock { own in
            retired.store(true, ordering: .relaxed)
            defer { own = [] }
            return own
        }
        for address in released { known.release(address) }
    }

    /// Whether the entry still stands for `address`, asked before every dial; a name that cannot be looked up now is taken at its last word.
    package func confirm(_ address: SocketAddress, on eventLoop: any EventLoop) -> EventLoopFuture<Bool> {
        guard !isRetired else { return eventLoop.makeSucceededFuture(false) }
        guard case .host(let host, let port) = endpoint, (try? SocketAddress(ipAddress: host, port: port)) == nil else {
            return eventLoop.makeSucceededFuture(true)
        }
        return resolve(on: eventLoop).map { addresses in
            guard !self.isRetired else { return false }
            if addresses.contains(where: { $0.text == address.text }) { return true }
            if self.own.withLock({ $0.remove(address.text) }) != nil { self.known.release(address.text) }
            return false
        }.flatMapError { _ in eventLoop.makeSucceededFuture(!self.isRetired) }
    }
}

/// The addresses of one list: two entries that stand for the same address make one peer.
final class KnownAddresses: Sendable {
    private let addresses = Mutex<Set<String>>([])

    /// True for the first to name it.
    func claim(_ address: String) -> Bool { addresses.withLock { $0.insert(address).inserted } }
    func release(_ address: String) { addresses.withLock { _ = $0.remove(address) } }
}
