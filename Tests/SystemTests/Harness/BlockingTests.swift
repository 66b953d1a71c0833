import Foundation
import Testing

/// Runs each test on a thread of its own: these tests block on sockets, which must not hold a thread of the cooperative pool.
struct BlockingTests: SuiteTrait, TestTrait, TestScoping {
    /// What a test's own thread can be known by.
    static let mark = "blocking test"

    var isRecursive: Bool { true }

    func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void) async throws {
        try await withTaskExecutorPreference(ThreadExecutor()) { try await function() }
    }
}

/// Runs every job on a new thread.
private final class ThreadExecutor: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        Thread.detachNewThread {
            Thread.current.threadDictionary[BlockingTests.mark] = true
            job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}

extension Trait where Self == BlockingTests {
    static var blocking: BlockingTests { BlockingTests() }
}
