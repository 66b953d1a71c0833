package import Links
package import Logging
package import NIOCore
import Sessions
import Synchronization
package import Telemetry

/// A listener for Thrift clients in every form: what a server, a proxy and a hub have in common toward those who call them.
package final class ThriftDoor: Sendable {
    private let settings: ThriftDoorSettings
    private let side: Side
    private let group: any EventLoopGroup
    private let loops: [Loop]
    private let admission: Admission
    private let logger: Logger
    private let listener = Mutex<Listener?>(nil)

    /// `@unchecked Sendable`: what is inside is used on its event loop alone.
    private struct Loop: @unchecked Sendable {
        let door: ThriftDoorLoop
        let eventLoop: any EventLoop
    }

    /// What a role brings for one event loop.
    package struct Place {
        package let loop: LinkLoop
        package let handler: any ThriftCallHandler

        /// - Parameter loop: hooks for its turns that the role wants are set before this.
        package init(loop: LinkLoop, handler: any ThriftCallHandler) {
            self.loop = loop
            self.handler = handler
        }
    }

    /// - Parameters:
    ///   - side: what its clients are called where the process is looked at.
    ///   - group: the event loops of `places`, and no others.
    ///   - memory: the bound on the queues of the whole process; what the loops of `places` hold is counted here.
    package init(
        _ settings: ThriftDoorSettings, side: Side = .clients, group: any EventLoopGroup, places: [Place], memory: MemoryBudget, logger: Logger
    ) {
        self.settings = settings
        self.side = side
        self.group = group
        self.logger = logger
        let admission = Admission(settings.limits)
        self.admission = admission
        let shares = places.map { _ in memory.share() }
        loops = places.enumerated().map { index, place in
            let door = ThriftDoorLoop(
                loop: place.loop, side: side, settings: settings, admission: admission, memory: memory, shares: shares, index: index,
                log: EventLog(logger), handler: place.handler)
            return Loop(door: door, eventLoop: place.loop.eventLoop)
        }
    }

    /// Listens.
    /// - Returns: where, with the port that the system gave where 0 was asked for.
    /// - Throws: one clear line when it cannot.
    package func open() async throws -> Endpoint {
        let byLoop = Dictionary(uniqueKeysWithValues: loops.map { (ObjectIdentifier($0.eventLoop), $0) })
        let listener = try await Listener.bind(
            settings.listen, options: settings.options, group: group, receiveBuffer: Sockets.clientBuffer, logger: logger
        ) { channel in
            guard let loop = byLoop[ObjectIdentifier(channel.eventLoop)] else { throw ChannelError.operationUnsupported }
            try channel.pipeline.syncOperations.addHandler(loop.door.accept().link)
        }
        self.listener.withLock { $0 = listener }
        return listener.address
    }

    /// Where it listens; nil before that.
    package var address: Endpoint? { listener.withLock { $0?.address } }
    package var connections: Int { admission.count }

    /// Accepts no one more; connections close after an answer that leaves nothing open, idle ones at half of `limit` (or at once), and what is
    /// left is cut at its end (rule S25). Returns when every connection is gone.
    package func drain(within limit: Duration, atOnce: Bool = false) async {
        await listener.withLock { $0 }?.close()
        let timeout = TimeAmount(limit)
        let now = NIODeadline.now()
        let timers = loops.flatMap { loop in
            [
                loop.eventLoop.scheduleTask(deadline: atOnce ? now : now + .nanoseconds(timeout.nanoseconds / 2)) { loop.door.leaveIdle() },
                loop.eventLoop.scheduleTask(deadline: now + timeout) { loop.door.cut() },
            ]
        }
        for future in loops.map({ loop in loop.eventLoop.flatSubmit { loop.door.leave() } }) { try? await future.get() }
        for timer in timers { timer.cancel() }
        for loop in loops { try? await loop.eventLoop.submit { loop.door.close() }.get() }
    }

    // MARK: - Reload

    /// Gets ready to go by other settings (rule S26); where it listens is as before. The order of answers and the longest frame hold for
    /// connections that come from then on, everything else for those that stand too.
    /// - Returns: takes them over, on every loop.
    /// - Throws: `TLSFileError`; then nothing has changed.
    package func prepare(_ settings: ThriftDoorSettings) throws -> @Sendable () async -> Void {
        let options = try listener.withLock { $0 }?.prepare(settings.options)
        return { [self] in
            options?()
            admission.update(settings.limits)
            for loop in loops { try? await loop.eventLoop.submit { loop.door.take(settings) }.get() }
        }
    }

    // MARK: - Inspection

    package func samples(role: String) async -> [Sample] {
        var samples = listener.withLock { $0 }?.samples(role: role, side: side.rawValue) ?? []
        for loop in loops { samples += (try? await loop.eventLoop.submit { loop.door.samples(role: role) }.get()) ?? [] }
        return samples
    }
}

extension ThriftDoorLoop {
    fileprivate func samples(role: String) -> [Sample] {
        [
            Sample(.linksOpen, role, side.rawValue, value: openConnections),
            Sample(.queueBytes, role, side.rawValue, value: queuedBytes),
            Sample(.bytes, role, "in", value: counters.bytesIn),
            Sample(.bytes, role, "out", value: counters.bytesOut),
        ] + counters.closed.labelled.map { Sample(.linksClosed, role, side.rawValue, $0.0, value: $0.1) }
    }
}
