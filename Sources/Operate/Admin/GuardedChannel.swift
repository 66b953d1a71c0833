import HummingbirdCore
import Links
import Logging
import NIOCore

/// A connection to the admin server: the options that every listener has come before HTTP.
struct GuardedChannel<Base: ServerChildChannel>: ServerChildChannel {
    private let base: Base
    private let doorway: Doorway

    init(_ base: Base, doorway: Doorway) {
        self.base = base
        self.doorway = doorway
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        doorway.enter(channel) { _ in }.flatMap { base.setup(channel: channel, logger: logger) }
    }

    func handle(value: Base.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}
