import NIOCore
import Synchronization
import Testing

@testable import Reactors

/// Tasks of an event loop.
@Suite("Reactor tasks", .timeLimit(.minutes(2)))
struct ReactorTaskTests {
    private final class Seen: Sendable {
        let numbers: Mutex<[[Int]]>
        /// Tasks on another thread.
        let strays = Atomic<Int>(0)
        init(_ threads: Int) { numbers = Mutex(Array(repeating: [], count: threads)) }
    }

    @Test("tasks from many threads are all done, those of one thread in their order, on the loop's thread")
    func manyThreads() async throws {
        try await withReactors { _, reactor in
            let (threads, count) = (8, 20_000)
            let seen = Seen(threads)
            await withTaskGroup(of: Void.self) { tasks in
                for thread in 0..<threads {
                    tasks.addTask {
                        for number in 0..<count {
                            reactor.execute {
                                if !reactor.inEventLoop { seen.strays.wrappingAdd(1, ordering: .relaxed) }
                                seen.numbers.withLock { $0[thread].append(number) }
                            }
                        }
                    }
                }
            }
            try await value(reactor.submit {})
            #expect(seen.numbers.withLock { $0.allSatisfy { $0 == Array(0..<count) } })
            #expect(seen.strays.load(ordering: .relaxed) == 0 && !reactor.inEventLoop)
        }
    }

    @Test("two loops that wake each other by turns never sleep through a task")
    func pingPong() async throws {
        try await withReactors(2) { group, _ in
            let ended = group.reactors[0].makePromise(of: Int.self)
            @Sendable func hit(_ count: Int) {
                if count == 50_000 { return ended.succeed(count) }
                group.reactors[count % 2].execute { hit(count + 1) }
            }
            hit(0)
            let count = try await value(ended.futureResult)
            #expect(count == 50_000)
        }
    }

    @Test("tasks that tasks add come behind those that are there, before what others leave later")
    func adding() async throws {
        try await withReactors { _, reactor in
            let notes = Notes()
            let ended = reactor.makePromise(of: Void.self)
            reactor.execute {
                reactor.execute {
                    notes.add("inner")
                    reactor.execute {
                        notes.add("innermost")
                        ended.succeed()
                    }
                }
                reactor.execute { notes.add("second") }
                notes.add("outer")
            }
            try await value(ended.futureResult)
            #expect(notes.all == ["outer", "inner", "second", "innermost"])
        }
    }

    @Test("a task that adds itself for ever keeps neither other threads' tasks nor timers nor the end from coming")
    func endless() async throws {
        try await withReactors { _, reactor in
            @Sendable func again() { reactor.execute(again) }
            reactor.execute(again)
            let done = Notes()
            reactor.execute { done.add("task") }
            try await until("another thread's task") { done.all == ["task"] }
            _ = reactor.scheduleTask(in: .milliseconds(1)) { done.add("timer") }
            try await until("the timer") { done.all == ["task", "timer"] }
        }
    }

    @Test("any() is the loop that asks; next() takes them in turn; the iterator has each once")
    func group() async throws {
        try await withReactors(3) { group, _ in
            for reactor in group.reactors {
                let isItself = try await value(reactor.submit { group.any() === reactor })
                #expect(isItself)
            }
            let taken = (0..<9).map { _ in ObjectIdentifier(group.next()) }
            #expect(Set(taken).count == 3 && Array(taken[0..<3]) == Array(taken[3..<6]))
            #expect(Array(group.makeIterator()).map { ObjectIdentifier($0) } == group.reactors.map { ObjectIdentifier($0) })
        }
    }
}
