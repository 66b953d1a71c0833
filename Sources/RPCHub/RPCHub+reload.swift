import Links
import NIOCore
import Sessions
import Synchronization
import Telemetry
import ThriftLink

/// Other settings while members and Thrift callers stay (rule S26).
extension RPCHub {
    /// Gets ready to go by other settings. Listen addresses, the hub's id and its largest frame are the same, and the door for Thrift callers is there
    /// or not as before.
    ///
    /// Who is registered stays so, whatever the new list says; a HELLO that comes from here on, a later one of a link that stands too, is judged by the
    /// new list. A link that stands keeps the heartbeat that it was told, a call that is open its deadline.
    /// - Returns: takes the settings over, on every loop.
    /// - Throws: `TLSFileError`; then nothing has changed.
    public func prepare(_ settings: RPCHubSettings) throws -> @Sendable () async -> Void {
        let options = try state.withLock { $0.listeners }.map { side, listener in
            try listener.prepare(side == .callers ? settings.callersOptions : settings.agentsOptions)
        }
        let door = try settings.thrift.flatMap { thrift in try self.door?.prepare(thrift.door) }
        return { [self] in
            for take in options { take() }
            context.admission.update(settings.limits.forAdmission)
            await door?()
            for shard in shards { try? await shard.loop.eventLoop.submit { shard.take(settings) }.get() }
            state.withLock { $0.settings = settings }
        }
    }
}
