import Dispatch
import NIOCore
import Reactors
import Synchronization
import Testing

/// What happened, in order, from any thread.
final class Notes: Sendable {
    private let state = Mutex<[String]>([])
    var all: [String] { state.withLock { $0 } }
    func add(_ note: String) { state.withLock { $0.append(note) } }
}

struct TookTooLong: Error {}

/// Waits for a condition, at most half a minute.
func until(_ what: Comment, _ condition: () throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while try !condition() {
        try #require(ContinuousClock.now < deadline, what)
        try await Task.sleep(for: .milliseconds(1))
    }
}

/// Waits for a future, at most half a minute.
func value<T: Sendable>(_ future: EventLoopFuture<T>) async throws -> T {
    let promise = future.eventLoop.makePromise(of: T.self)
    future.cascade(to: promise)
    let limit = future.eventLoop.scheduleTask(in: .seconds(30)) { promise.fail(TookTooLong()) }
    defer { limit.cancel() }
    return try await promise.futureResult.get()
}

/// The error of a future that fails.
func failure<T: Sendable>(_ future: EventLoopFuture<T>) async -> (any Error)? {
    do {
        _ = try await value(future)
        return nil
    } catch {
        return error
    }
}

/// Event loops for the time of a test, and one of them.
func withReactors(_ threads: Int = 1, _ body: (ReactorGroup, Reactor) async throws -> Void) async throws {
    let group = try ReactorGroup(threads: threads)
    let result: Result<Void, any Error>
    do { result = .success(try await body(group, group.reactors[0])) } catch { result = .failure(error) }
    try await end(group)
    try result.get()
}

/// Shuts the group down, and waits for that at most half a minute.
func end(_ group: ReactorGroup) async throws {
    let isOver = Mutex(false)
    group.shutdownGracefully(queue: .global()) { _ in isOver.withLock { $0 = true } }
    try await until("the threads' end") { isOver.withLock { $0 } }
}
