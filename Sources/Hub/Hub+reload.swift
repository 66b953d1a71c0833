import Links
import NIOCore
import Sessions
import Synchronization
import Telemetry

/// Other settings while members stay (rule S26).
extension Hub {
    /// Gets ready to go by other settings. Listen addresses and the hub's id are the same.
    ///
    /// Who is registered stays so, whatever the new list says; a HELLO that comes from here on, a later one of a link that stands too, is judged by the
    /// new list. A link that stands keeps the heartbeat that it was told.
    /// - Returns: takes the settings over, on every loop.
    /// - Throws: `TLSFileError`; then nothing has changed.
    public func prepare(_ settings: HubSettings) throws -> @Sendable () async -> Void {
        let options = try state.withLock { $0.listeners }.map { side, listener in
            try listener.prepare(side == .edges ? settings.edgesOptions : settings.servicesOptions)
        }
        return { [self] in
            for take in options { take() }
            context.admission.update(settings.limits.forAdmission)
            for shard in shards { try? await shard.loop.eventLoop.submit { shard.take(settings) }.get() }
            state.withLock { $0.settings = settings }
        }
    }
}
