package import NIOCore
import Synchronization

/// A list of peers to dial: hands out each address that it stands for, once, at the start and whenever a name has come to stand for more
/// (rule S18).
package final class AddressBook: Sendable {
    /// Starts to dial an address and keeps at it; returns when the first attempt has ended.
    package typealias Dial = @Sendable (SocketAddress, AddressSource) async -> Void

    private let known = KnownAddresses()
    /// What is listed, and the source of each entry that has been opened.
    private let entries: Mutex<(listed: [Endpoint], sources: [AddressSource])>
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
        entries = Mutex((listed: endpoints, sources: []))
        self.security = security
        self.eventLoop = eventLoop
        self.dial = dial
        self.unresolved = unresolved
    }

    /// Looks every entry up, all at once, and dials what they stand for; returns when the first attempt of each has ended.
    package func start() async { await open(entries.withLock { Array($0.listed.enumerated()) }) }

    /// Lists further entries; those that are listed stay as they are. Returns when the first attempt of each new one has ended.
    package func add(_ endpoints: [Endpoint]) async {
        let new = entries.withLock { entries in
            let new = endpoints.enumerated().filter { !entries.listed.contains($0.element) }
            entries.listed += new.map(\.element)
            return Array(new)
        }
        await open(new)
    }

    /// Lists only these entries from here on. What the others stood for is for its user to stop: it asks ``AddressSource/isRetired``.
    package func retire(besides endpoints: [Endpoint]) {
        let (gone, kept) = entries.withLock { entries in
            let gone = entries.sources.filter { !endpoints.contains($0.endpoint) }
            entries.sources.removeAll { !endpoints.contains($0.endpoint) }
            entries.listed.removeAll { !endpoints.contains($0) }
            return (gone, entries.sources)
        }
        guard !gone.isEmpty else { return }
        for source in gone { source.retire() }
        // One of these may stand for an address that was another's until now.
        for source in kept { _ = source.resolve(on: eventLoop) }
    }

    /// The next dial looks at changed TLS files, however lately that was done.
    package func expireFiles() { security?.expire() }

    /// No name is looked up again on its own account. What has been handed out is for its user to stop.
    package func stop() { isStopped.store(true, ordering: .relaxed) }

    private func open(_ endpoints: [(offset: Int, element: Endpoint)]) async {
        await withTaskGroup(of: Void.self) { group in
            for (position, endpoint) in endpoints { group.addTask { await self.open(endpoint, position) } }
        }
    }

    private func open(_ endpoint: Endpoint, _ position: Int) async {
        guard !isStopped.load(ordering: .relaxed) else { return }
        let first = FirstAttempts()
        let source = AddressSource(endpoint: endpoint, position: position, security: security, known: known) { source, addresses in
            guard !self.isStopped.load(ordering: .relaxed) else { return }
            first.add(addresses.map { address in Task { await self.dial(address, source) } })
        }
        entries.withLock { $0.sources.append(source) }
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
        guard !isStopped.load(ordering: .relaxed), !source.isRetired else { return }
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
