package import NIOCore
import Synchronization

/// A list of peers to dial: hands out each address that it stands for, once, at the start and whenever a name has come to stand for more
/// (rule S18).
package final class AddressBook: Sendable {
    /// Starts to dial an address and keeps at it; returns when the first attempt has ended.
    package typealias Dial = @Sendable (SocketAddress, AddressSource) async -> Void

    private let endpoints: [Endpoint]
    private let security: DialerSecurity?
    private let eventLoop: any EventLoop
    private let dial: Dial
    private let unresolved: @Sendable (Endpoint, any Error) -> Void
    private let isStopped = Atomic(false)

    /// - Parameters:
    ///   - unresolved: told when an entry's first look-up fails; it is looked up again until it succeeds.
    ///   - security: how its peers are dialed; nil is plain.
    package init(
        _ endpoints: [Endpoint], security: DialerSecurity? = nil, on eventLoop: any EventLoop, dial: @escaping Dial,
        unresolved: @escaping @Sendable (Endpoint, any Error) -> Void
    ) {
        self.endpoints = endpoints
        self.security = security
        self.eventLoop = eventLoop
        self.dial = dial
        self.unresolved = unresolved
    }

    /// Looks every entry up, all at once, and dials what they stand for; returns when the first attempt of each has ended.
    package func start() async {
        let known = KnownAddresses()
        await withTaskGroup(of: Void.self) { group in
            for (position, endpoint) in endpoints.enumerated() { group.addTask { await self.open(endpoint, position, known) } }
        }
    }

    /// No name is looked up again on its own account. What has been handed out is for its user to stop.
    package func stop() { isStopped.store(true, ordering: .relaxed) }

    private func open(_ endpoint: Endpoint, _ position: Int, _ known: KnownAddresses) async {
        let first = FirstAttempts()
        let source = AddressSource(endpoint: endpoint, position: position, security: security, known: known) { source, addresses in
            first.add(addresses.map { address in Task { await self.dial(address, source) } })
        }
        var backoff = Backoff()
        do {
            _ = try await source.resolve(on: eventLoop).get()
        } catch {
            unresolved(endpoint, error)
            let wait = backoff.next { Int64.random(in: $0) }
            eventLoop.scheduleTask(in: wait) { [backoff] in self.retry(source, backoff: backoff) }
        }
        await first.wait()
    }

    private func retry(_ source: AddressSource, backoff: Backoff) {
        guard !isStopped.load(ordering: .relaxed) else { return }
        source.resolve(on: eventLoop).whenFailure { _ in
            var backoff = backoff
            let wait = backoff.next { Int64.random(in: $0) }
            self.eventLoop.scheduleTask(in: wait) { [backoff] in self.retry(source, backoff: backoff) }
        }
    }
}

/// The attempts of an entry's first look-up, for the one who waits for them.
private final class FirstAttempts: Sendable {
    private let attempts = Mutex<[Task<Void, Never>]>([])
    func add(_ tasks: [Task<Void, Never>]) { attempts.withLock { $0 += tasks } }
    func wait() async { for attempt in attempts.withLock({ $0 }) { await attempt.value } }
}
