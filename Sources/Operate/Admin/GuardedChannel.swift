import HummingbirdCore
import Links
import Logging
import NIOCore

/// A connection to the admin server: the options that every listener has come before HTTP.
struct GuardedChannel: ServerChildChannel {
    private let base: HTTP1Channel
    private let doorway: Doorway

    init(_ base: HTTP1Channel, doorway: Doorway) {
        self.base = base
        self.doorway = doorway
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Arrival> {
        doorway.enter(channel) { _ in }.flatMap { base.setup(channel: channel, logger: logger) }.map(Arrival.init)
    }

    func handle(value: Arrival, logger: Logger) async { await base.handle(value: value.take(), logger: logger) }
}
