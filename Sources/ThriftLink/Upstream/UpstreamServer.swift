import Links
package import NIOCore

/// One address of a pool.
///
/// `@unchecked Sendable`: confined to the event loop of its pool.
package final class UpstreamServer: @unchecked Sendable {
    let number: Int
    package let address: SocketAddress
    /// The address as text.
    package let name: String
    let source: UpstreamName
    var connections: [UpstreamConnection] = []

    init(_ number: Int, address: SocketAddress, source: UpstreamName) {
        self.number = number
        self.address = address
        name = address.text
        self.source = source
    }
}

/// One entry of a pool's `to`: an address, or a name that stands for several, which may change (config, introduction).
///
/// `@unchecked Sendable`: confined to the event loop of its pool.
final class UpstreamName: @unchecked Sendable {
    let endpoint: Endpoint
    /// It owns this; the circle is broken when the pool has left.
    let pool: UpstreamPool
    private var backoff = Backoff()
    private let timer = LoopTimer()
    /// The pool is leaving: an answer that comes late changes nothing.
    private var isStopped = false

    init(_ endpoint: Endpoint, pool: UpstreamPool) {
        self.endpoint = endpoint
        self.pool = pool
        timer.aim(at: self)
    }

    /// Looks the name up; whatever is new becomes a server.
    func resolve() -> EventLoopFuture<[SocketAddress]> {
        pool.resolve(endpoint, pool.loop.eventLoop).map { addresses in
            guard !self.isStopped else { return addresses }
            for address in addresses where !self.pool.knows(address) { self.pool.add(address, of: self) }
            return addresses
        }
    }

    /// The first look-up; the future is done when it has ended. One that fails is repeated for ever.
    func start() -> EventLoopFuture<Void> {
        resolve().map { _ in }.flatMapError { error in
            self.failed(error)
            return self.pool.loop.eventLoop.makeSucceededVoidFuture()
        }
    }

    private func failed(_ error: any Error) {
        guard !isStopped else { return }
        pool.owner?.pool(pool, tells: .unresolved("\(error)"))
        pool.loop.arm(timer, at: pool.loop.eventLoop.now + backoff.next { Int64.random(in: $0) })
    }

    func stop() {
        isStopped = true
        pool.loop.cancel(timer)
    }

    /// Whether the name still stands for a server's address; a name that cannot be looked up now is taken at its last word.
    func confirm(_ server: UpstreamServer) -> EventLoopFuture<Bool> {
        guard case .host(let host, let port) = endpoint, (try? SocketAddress(ipAddress: host, port: port)) == nil else {
            return pool.loop.eventLoop.makeSucceededFuture(true)
        }
        return resolve().map { addresses in addresses.contains { $0.text == server.name } }
            .flatMapError { _ in self.pool.loop.eventLoop.makeSucceededFuture(true) }
    }
}

extension UpstreamName: TimerTarget {
    func timerFired(_ timer: LoopTimer) {
        resolve().whenComplete { result in
            if case .failure(let error) = result { self.failed(error) } else { self.pool.dialNew() }
        }
    }
}
