import Dispatch
import NIOCore
import Synchronization
import Testing

@testable import Reactors

/// The end of event loops.
@Suite("Reactor's end", .timeLimit(.minutes(2)))
struct ReactorEndTests {
    @Test("it does what was asked for before, cancels timers, and refuses what comes after", arguments: [true, false])
    func shutdown(isBusy: Bool) async throws {
        let group = try ReactorGroup(threads: 3)
        let reactor = group.reactors[1]
        let notes = Notes()
        if !isBusy { try await value(reactor.submit {}) }
        let timer = reactor.scheduleTask(in: .hours(1)) { notes.add("timer") }
        timer.futureResult.whenFailure { notes.add("\($0)") }
        let callback = Callback(notes)
        _ = try reactor.scheduleCallback(in: .hours(1), handler: callback)
        reactor.execute {
            reactor.execute { notes.add("added") }
            notes.add("asked")
        }
        try await end(group)
        let expected = ["asked", "added", "\(EventLoopError.cancelled)", "callback cancelled"]
        #expect(notes.all == expected)
        reactor.execute { notes.add("late") }
        timer.cancel()
        #expect(throws: EventLoopError.shutdown) { try reactor.scheduleCallback(in: .zero, handler: callback) }
        #expect(notes.all == expected && !reactor.inEventLoop)
    }

    private final class Callback: NIOScheduledCallbackHandler, Sendable {
        let notes: Notes
        init(_ notes: Notes) { self.notes = notes }
        func handleScheduledCallback(eventLoop: some EventLoop) { notes.add("callback") }
        func didCancelScheduledCallback(eventLoop: some EventLoop) { notes.add("callback cancelled") }
    }

    @Test("what a timer asks for when it is cancelled by the end has an end, too")
    func chain() async throws {
        let group = try ReactorGroup(threads: 1)
        let reactor = group.reactors[0]
        let notes = Notes()
        reactor.scheduleTask(in: .hours(1)) {}.futureResult.whenFailure { _ in
            notes.add("first")
            reactor.scheduleTask(in: .hours(1)) {}.futureResult.whenFailure { _ in
                notes.add("second")
                reactor.execute { notes.add("task") }
            }
        }
        try await end(group)
        #expect(notes.all == ["first", "second", "task"])
    }

    @Test("tasks that add tasks without end do not keep it from ending")
    func endless() async throws {
        let group = try ReactorGroup(threads: 1)
        let reactor = group.reactors[0]
        @Sendable func again() { reactor.execute(again) }
        reactor.execute(again)
        try await end(group)
    }

    @Test("whoever asks twice, later, or on one of the threads is told when all have ended")
    func twice() async throws {
        let group = try ReactorGroup(threads: 2)
        let told = Notes()
        group.reactors[0].execute { group.shutdownGracefully(queue: .global()) { told.add("inside \($0 == nil)") } }
        group.shutdownGracefully(queue: .global()) { told.add("outside \($0 == nil)") }
        try await until("both") { told.all.count == 2 }
        group.shutdownGracefully(queue: .global()) { told.add("later \($0 == nil)") }
        try await until("the third") { told.all.count == 3 }
        #expect(Set(told.all) == ["inside true", "outside true", "later true"])
    }

    @Test("the shared loops, and a single one, cannot be shut down")
    func shared() async throws {
        let group = try #require(ReactorGroup.shared)
        await #expect(throws: EventLoopError.self) { try await group.shutdownGracefully() }
        await #expect(throws: EventLoopError.self) { try await group.next().shutdownGracefully() }
        #expect(try await value(group.next().submit { 7 }) == 7)
    }

    @Test("threads that come after the loops' end are not taken for them")
    func reusedThreads() async throws {
        let groups = try (0..<8).map { _ in try ReactorGroup(threads: 1) }
        for group in groups { try await end(group) }
        // Threads are named by the memory that they run on, which the system uses again.
        for _ in 0..<8 {
            let strays = Atomic<Int>(0)
            try await withReactors(4) { other, _ in
                for reactor in other.reactors {
                    try await value(
                        reactor.submit { for group in groups where group.reactors[0].inEventLoop { strays.wrappingAdd(1, ordering: .relaxed) } })
                }
            }
            #expect(strays.load(ordering: .relaxed) == 0)
        }
    }

    @Test("a group leaves no descriptor and no memory behind")
    func leavesNothing() async throws {
        weak var reactor: Reactor?
        do {
            let group = try ReactorGroup(threads: 1)
            reactor = group.reactors[0]
            #expect(reactor != nil)
            try await value(group.reactors[0].submit {})
            try await end(group)
        }
        try await until("nobody holds it") { reactor == nil }
    }
}
