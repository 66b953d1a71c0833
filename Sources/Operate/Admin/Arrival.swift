import HummingbirdCore
import NIOCore
import Synchronization

/// A connection on its way from the listener to the task that serves it.
///
/// A server that stops lets those fall that are on the way: the listener's channel has closed before they were ready, or the task that takes
/// them has been cancelled. NIO ends the process over a connection that was given up without being run, so one that falls is run for as
/// long as it takes to close it.
final class Arrival: ServerChildChannelValue {
    private let connection: HTTP1Channel.Value
    private let isTaken = Atomic<Bool>(false)

    init(_ connection: HTTP1Channel.Value) { self.connection = connection }

    var channel: any Channel { connection.channel }

    /// Whoever takes it runs it.
    func take() -> HTTP1Channel.Value {
        isTaken.store(true, ordering: .relaxed)
        return connection
    }

    deinit {
        guard !isTaken.load(ordering: .relaxed) else { return }
        Task { [connection] in try? await connection.executeThenClose { _, _ in } }
    }
}
