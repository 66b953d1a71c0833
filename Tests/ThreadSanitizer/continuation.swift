// What the suppression of `RPCClient.call` stands on: a program without anything of this project that the thread sanitizer reports alike.
//
//   swiftc -sanitize=thread -g continuation.swift -o continuation && ./continuation
//
// A thread writes an object and resumes a continuation with it; the task that waits reads it. The language orders the two. Where the task has
// begun to wait, the runtime tells the sanitizer so when it runs the task again. Where the continuation is resumed before its body has returned, the task
// never waits and goes on at once, and the runtime, which is not instrumented, tells nothing. Here the body returns late, so this happens each
// time; in a client it happens when an answer is faster than the task that asked.

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

final class Answer: @unchecked Sendable { var value = 0 }

/// Where the task leaves its continuation; a mutex that the sanitizer sees.
final class Slot: @unchecked Sendable {
    private var continuation: CheckedContinuation<Answer, any Error>?
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    init() { pthread_mutex_init(mutex, nil) }

    func put(_ new: CheckedContinuation<Answer, any Error>) {
        pthread_mutex_lock(mutex)
        continuation = new
        pthread_mutex_unlock(mutex)
    }

    func take() -> CheckedContinuation<Answer, any Error>? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        defer { continuation = nil }
        return continuation
    }
}

let slot = Slot()
let rounds = 300

func wait() async throws -> Answer {
    try await withCheckedThrowingContinuation { continuation in
        slot.put(continuation)
        usleep(500)
    }
}

@inline(never) func read(_ answer: Answer) -> Int { answer.value }

@main
struct Program {
    static func main() async throws {
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { _ in
                var round = 0
                while round < rounds {
                    guard let continuation = slot.take() else {
                        sched_yield()
                        continue
                    }
                    round += 1
                    let answer = Answer()
                    answer.value = round
                    continuation.resume(returning: answer)
                }
                return nil
            }, nil)
        pthread_detach(thread)
        var sum = 0
        for _ in 0..<rounds { sum += try await Task.detached { read(try await wait()) }.value }
        print("sum", sum)
    }
}
