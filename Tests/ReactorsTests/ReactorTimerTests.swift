import NIOCore
import Synchronization
import Testing

@testable import Reactors

/// Timers of an event loop.
@Suite("Reactor timers", .timeLimit(.minutes(2)))
struct ReactorTimerTests {
    /// Notes what a callback timer is told.
    private final class Callback: NIOScheduledCallbackHandler, Sendable {
        let notes = Notes()
        func handleScheduledCallback(eventLoop: some EventLoop) { notes.add(eventLoop.inEventLoop ? "due" : "due elsewhere") }
        func didCancelScheduledCallback(eventLoop: some EventLoop) { notes.add("cancelled") }
    }

    @Test("a timer is due at its time and not before, asleep or not, however short", arguments: [0, 1, 50, 300, 999, 20_000])
    func dueTime(microseconds: Int64) async throws {
        try await withReactors { _, reactor in
            for isInside in [true, false] {
                let ask: @Sendable () -> EventLoopFuture<Bool> = {
                    let deadline = NIODeadline.now() + .microseconds(microseconds)
                    return reactor.scheduleTask(deadline: deadline) { NIODeadline.now() >= deadline && reactor.inEventLoop }.futureResult
                }
                let isInTime = try await value(isInside ? reactor.flatSubmit(ask) : ask())
                #expect(isInTime)
            }
        }
    }

    @Test("an earlier timer that comes while the loop sleeps for a later one wakes it in time; the later one is due all the same")
    func earlier() async throws {
        try await withReactors { _, reactor in
            let notes = Notes()
            let never = reactor.scheduleTask(in: .hours(1)) {}
            try await value(reactor.submit {})
            let early = reactor.scheduleTask(in: .milliseconds(2)) { notes.add("early") }
            try await value(early.futureResult)
            let late = try await value(
                reactor.submit {
                    let late = reactor.scheduleTask(in: .milliseconds(20)) { notes.add("late") }
                    _ = reactor.scheduleTask(in: .milliseconds(1)) { notes.add("second") }
                    return late
                })
            try await value(late.futureResult)
            #expect(notes.all == ["early", "second", "late"])
            never.cancel()
        }
    }

    @Test("timers that are due together come in the order in which they were asked for, tasks and callbacks alike")
    func together() async throws {
        try await withReactors { _, reactor in
            let notes = Notes()
            let callback = Callback()
            let deadline = NIODeadline.now() + .milliseconds(3)
            for number in 0..<10 { _ = reactor.scheduleTask(deadline: deadline) { notes.add("\(number)") } }
            _ = try reactor.scheduleCallback(at: deadline, handler: callback)
            _ = try await value(reactor.scheduleTask(deadline: deadline) { notes.add("end after \(callback.notes.all)") }.futureResult)
            #expect(notes.all == (0..<10).map { "\($0)" } + ["end after [\"due\"]"])
        }
    }

    @Test("what is cancelled is not done, and fails as cancelled; from the loop or from another thread", arguments: [true, false])
    func cancel(isInside: Bool) async throws {
        try await withReactors { _, reactor in
            let notes = Notes()
            let callback = Callback()
            let deadline = NIODeadline.now() + .hours(1)
            let task = reactor.scheduleTask(deadline: deadline) { notes.add("done") }
            let other = try reactor.scheduleCallback(at: deadline, handler: callback)
            let cancel: @Sendable () -> Void = {
                for _ in 0..<2 {
                    task.cancel()
                    other.cancel()
                }
            }
            if isInside { try await value(reactor.submit(cancel)) } else { cancel() }
            #expect(await failure(task.futureResult) as? EventLoopError == .cancelled)
            try await until("the callback is told") { callback.notes.all == ["cancelled"] }
            try await value(reactor.submit { #expect(reactor.timers.isEmpty) })
            #expect(notes.all.isEmpty)
        }
    }

    @Test("a timer that another thread asked for can be cancelled on the loop before it has come in")
    func cancelOnItsWay() async throws {
        try await withReactors { _, reactor in
            let notes = Notes()
            let task = Mutex<Scheduled<Void>?>(nil)
            let isRunning = Atomic<Bool>(false)
            reactor.execute {
                isRunning.store(true, ordering: .sequentiallyConsistent)
                // Guard: the other thread goes on at once.
                while true {
                    guard let task = task.withLock({ $0 }) else { continue }
                    return task.cancel()
                }
            }
            try await until("the loop is busy") { isRunning.load(ordering: .sequentiallyConsistent) }
            let scheduled = reactor.scheduleTask(in: .milliseconds(1)) { notes.add("done") }
            task.withLock { $0 = scheduled }
            #expect(await failure(scheduled.futureResult) as? EventLoopError == .cancelled)
            try await value(reactor.scheduleTask(in: .milliseconds(3)) {}.futureResult)
            #expect(notes.all.isEmpty)
        }
    }

    @Test("a repeated task comes again until it cancels itself")
    func repeated() async throws {
        try await withReactors { _, reactor in
            let ended = reactor.makePromise(of: Void.self)
            let count = Atomic<Int>(0)
            reactor.scheduleRepeatedTask(initialDelay: .zero, delay: .nanoseconds(1), notifying: ended) { task in
                if count.wrappingAdd(1, ordering: .relaxed).newValue == 1_000 { task.cancel() }
            }
            try await value(ended.futureResult)
            #expect(count.load(ordering: .relaxed) == 1_000)
        }
    }
}
