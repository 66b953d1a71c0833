import Synchronization
import Testing

@testable import Switchyard

/// Who waits for a thread gets one, however much others have for it: all with a single thread.
@Suite("Lanes: turns", .timeLimit(.minutes(1)))
struct LaneTurnTests {
    private let lanes = Lanes(threads: 1)
    private let isOver = Flag()

    private final class Flag: Sendable {
        private let value = Atomic<Bool>(false)
        var isSet: Bool { value.load(ordering: .relaxed) }
        func set() { value.store(true, ordering: .relaxed) }
    }

    /// Keeps two lanes from ever running empty, and calls `begun` in one of them when they have been at it for a while.
    private func fill(_ keys: ArraySlice<UInt64>, begun: @escaping @Sendable () -> Void) {
        let calls = Counter(100)
        for key in keys { for _ in 0..<2 { LaneTurnTests.again(lanes, key, isOver, calls, begun) } }
    }

    private static func again(_ lanes: Lanes, _ key: UInt64, _ isOver: Flag, _ calls: Counter, _ begun: @escaping @Sendable () -> Void) {
        _ = lanes.append(
            .call({ _ in
                guard !isOver.isSet else { return }
                if calls.decrement() == 0 { begun() }
                again(lanes, key, isOver, calls, begun)
            }), key: key)
    }

    private func end() {
        isOver.set()
        lanes.stop()
    }

    @Test("S8: a lane that never runs empty lets others have their turn")
    func endlessLane() async throws {
        defer { end() }
        let keys = sessionsInDifferentLanes(3)
        let told = Flag()
        fill(keys[..<2]) { [lanes] in _ = lanes.append(.call({ _ in told.set() }), key: keys[2]) }
        try await eventually("the third lane's turn") { told.isSet }
    }

    @Test("S8: a handler that was suspended goes on although lanes never run empty")
    func resumedHandler() async throws {
        defer { end() }
        let keys = sessionsInDifferentLanes(3)
        let barrier = Barrier()
        let told = Flag()
        _ = lanes.append(
            .call({ _ in
                await barrier.suspend()
                told.set()
            }), key: keys[2])
        try await eventually("it is suspended") { barrier.waiting == 1 }
        fill(keys[..<2]) { barrier.open() }
        try await eventually("it has gone on") { told.isSet }
    }

    @Test("S8: handlers that give way over and over let lanes have their turn")
    func yieldingHandlers() async throws {
        defer { end() }
        let keys = sessionsInDifferentLanes(6)
        let started = Atomic<Int>(0)
        let told = Flag()
        for key in keys[..<4] {
            _ = lanes.append(
                .call({ [isOver] _ in
                    started.wrappingAdd(1, ordering: .relaxed)
                    while !isOver.isSet { await Task.yield() }
                }), key: key)
        }
        try await eventually("four are under way") { started.load(ordering: .relaxed) == 4 }
        _ = lanes.append(.call({ _ in told.set() }), key: keys[4])
        try await eventually("the fifth lane's turn") { told.isSet }
        // And once more, when whoever handled the fifth has rested.
        let toldAgain = Flag()
        _ = lanes.append(.call({ _ in toldAgain.set() }), key: keys[5])
        try await eventually("the sixth lane's turn") { toldAgain.isSet }
    }

    @Test("S25: stopping ends runners that rest, and cancels the call of one that does not")
    func stopping() async throws {
        let keys = sessionsInDifferentLanes(40)
        let barrier = Barrier()
        let isCancelled = Flag()
        let done = Atomic<Int>(0)
        // Each suspended handler has a runner of its own; behind this there are many that rest.
        for key in keys.dropLast() {
            _ = lanes.append(
                .call({ _ in
                    await barrier.suspend()
                    done.wrappingAdd(1, ordering: .relaxed)
                }), key: key)
        }
        try await eventually("all are suspended") { barrier.waiting == keys.count - 1 }
        barrier.open()
        try await eventually("all have gone on") { done.load(ordering: .relaxed) == keys.count - 1 }
        _ = lanes.append(
            .call({ _ in
                while !Task.isCancelled { await Task.yield() }
                isCancelled.set()
            }), key: keys[39])
        try await eventually("it is under way") { lanes.waiting == 1 }
        lanes.stop()
        try await eventually("it is cancelled") { isCancelled.isSet }
        try await eventually("the thread has ended") { lanes.threadCount == 0 }
    }
}
