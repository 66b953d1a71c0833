import Links
import NIOCore
import RPCLink
import Synchronization
import ThriftLink

/// Other settings while calls run (rule S26).
extension RPCAgent {
    /// Gets ready to go by other settings. The node is the same, and so is TLS toward the hubs.
    ///
    /// Other Thrift servers are dialed before calls go to them, and the old ones are left when their calls are answered. Hubs that stay are told other ids and
    /// another window on the links that stand; a hub that is no longer listed hears DRAIN.
    /// - Returns: takes the settings over; done when the first attempt of each new dialer has ended.
    /// - Throws: `TLSFileError`; then nothing has changed.
    public func prepare(_ settings: RPCAgentSettings) throws -> @Sendable () async -> Void {
        let (old, book) = state.withLock { ($0.settings, $0.book) }
        let isMoved = !old.upstream.isServed(like: settings.upstream)
        let security = isMoved ? try settings.upstream.tls.map { try DialerSecurity($0, logger: logger) } : nil
        let (worker, eventLoop) = (worker, eventLoop)
        return { [self] in
            let pool = isMoved ? worker.makePool(settings.upstream) : nil
            if let pool { try? await eventLoop.flatSubmit { pool.start(security: security) }.get() }
            try? await eventLoop.submit {
                worker.take(settings, pool)
                worker.desk.take(settings.agent)
            }.get()
            await book?.add(settings.agent.hubs)
            book?.retire(besides: settings.agent.hubs)
            book?.expireFiles()
            try? await eventLoop.submit { worker.desk.retireHubs() }.get()
            state.withLock { $0.settings = settings }
        }
    }
}
