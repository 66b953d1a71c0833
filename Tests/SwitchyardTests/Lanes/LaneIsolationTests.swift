import Foundation
import NIOCore
import Switchyard
import Synchronization
import Testing

/// Lets handlers wait until a test lets them go: by suspending, or by blocking their threads.
final class Barrier: Sendable {
    private struct State {
        var isOpen = false
        var sleepers: [CheckedContinuation<Void, Never>] = []
    }
    private let semaphore = DispatchSemaphore(value: 0)
    private let count = Atomic<Int>(0)
    private let state = Mutex(State())
    var waiting: Int { count.load(ordering: .relaxed) }

    func block() {
        count.wrappingAdd(1, ordering: .relaxed)
        semaphore.wait()
        semaphore.signal()
    }

    func suspend() async {
        count.wrappingAdd(1, ordering: .relaxed)
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.sleepers.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        semaphore.signal()
        let sleepers = state.withLock { state in
            state.isOpen = true
            defer { state.sleepers = [] }
            return state.sleepers
        }
        for sleeper in sleepers { sleeper.resume() }
    }
}

/// Sessions whose lanes differ from each other, so that a test can say which lane it means.
func sessionsInDifferentLanes(_ count: Int) -> [UInt64] {
    var taken = Set<Int>()
    var sessions: [UInt64] = []
    var session: UInt64 = 1
    while sessions.count < count {
        if taken.insert(Lanes.lane(of: session)).inserted { sessions.append(session) }
        session += 1
    }
    return sessions
}

/// What one handler's slowness does to others: nothing.
@Suite("Lane isolation", .serialized)
struct LaneIsolationTests {
    /// Sends one packet at a time for each of `sessions`, over and over for that long, and returns how long each took.
    private func latencies(_ peer: PacketPeer, sessions: ArraySlice<UInt64>, for period: Duration) async throws -> [TimeAmount] {
        var all: [TimeAmount] = []
        let end = ContinuousClock.now + period
        while ContinuousClock.now < end {
            let before = peer.heard.count
            let start = NIODeadline.now()
            peer.say(sessions.map { packet(7, session: $0) })
            try await eventually("\(sessions.count) answers") { peer.heard.count >= before + sessions.count }
            all += peer.times[before...].map { $0 - start }
            try await Task.sleep(for: .milliseconds(10))
        }
        return all
    }

    @Test("S8: a lane that hangs for 5 s adds less than 10 ms to the others' p99", arguments: [true, false])
    func hung(blocks: Bool) async throws {
        let sessions = sessionsInDifferentLanes(33)
        try await inOneTry(of: 3) {
            let barrier = Barrier()
            var calm: [TimeAmount] = []
            var hung: [TimeAmount] = []
            try await withServer { router in
                router.on(7) { packet, _ in packet }
                router.on(8) { _, _ in
                    if blocks { barrier.block() } else { await barrier.suspend() }
                    return nil
                }
            } body: { server in
                defer { barrier.open() }
                let peer = try await PacketPeer.connect(to: server.address)
                // As long without the hang as with it, half before and half after, so that the machine's noise meets both alike.
                calm += try await latencies(peer, sessions: sessions.dropFirst(), for: .seconds(2.5))
                peer.say(packet(8, session: sessions[0]))
                try await eventually("the lane hangs") { barrier.waiting == 1 }
                hung += try await latencies(peer, sessions: sessions.dropFirst(), for: .seconds(5))
                try await eventually("the stall is counted") { server.lanes.stallCount == 1 }
                #expect(server.lanes.waiting == 1)
                barrier.open()
                try await eventually("the lane goes on") { server.lanes.waiting == 0 }
                calm += try await latencies(peer, sessions: sessions.dropFirst(), for: .seconds(2.5))
            }
            let (without, with) = (p99(calm), p99(hung))
            return with < without + .milliseconds(10) ? nil : "p99 \(without.text) without, \(with.text) with"
        }
    }

    private func p99(_ times: [TimeAmount]) -> TimeAmount { times.sorted()[times.count * 99 / 100] }

    @Test("S8: 63 blocked handlers hold 63 threads and leave the rest running")
    func blocked() async throws {
        let barrier = Barrier()
        try await withServer { router in
            router.on(7) { packet, _ in packet }
            router.on(8) { packet, _ in
                barrier.block()
                return packet
            }
        } body: { server in
            defer { barrier.open() }
            let sessions = sessionsInDifferentLanes(163)
            let peer = try await PacketPeer.connect(to: server.address)
            peer.say(sessions[..<63].map { packet(8, session: $0) })
            try await eventually("63 handlers block") { barrier.waiting == 63 }
            for round in 1...20 {
                peer.say(sessions[63...].map { packet(7, session: $0) })
                try await eventually("100 answers") { peer.heard.count == 100 * round }
            }
            #expect(server.lanes.threadCount == 64)
            barrier.open()
            try await eventually("the blocked ones answer") { peer.answers.count { $0.type == 8 } == 63 }
        }
    }

    @Test("S8: with every thread blocked the event loops still answer: busy when a lane is full, inline handlers as ever")
    func full() async throws {
        let barrier = Barrier()
        try await withServer(lanes: Lanes(threads: 2)) { router in
            router.inline(7) { packet, _ in packet }
            router.on(8) { _, _ in
                barrier.block()
                return nil
            }
        } body: { server in
            defer { barrier.open() }
            let sessions = sessionsInDifferentLanes(2)
            let peer = try await PacketPeer.connect(to: server.address)
            for session in sessions { peer.say(packet(8, session: session)) }
            try await eventually("both threads block") { barrier.waiting == 2 }
            // 3,000 more for one lane: 1,023 find a place, everyone else is told.
            peer.say((0..<3_000).map { _ in packet(8, session: sessions[0]) })
            peer.say(packet(7, "still here", session: 99))
            try await eventually("the inline answer") { peer.answers.last?.text == "still here" }
            try await eventually("everyone else is told") { peer.undelivered.count == 3_000 - 1_023 }
            #expect(peer.undelivered.allSatisfy { $0 == Code.busy.rawValue })
            #expect(server.lanes.waiting == 1_025)
            barrier.open()
            try await eventually("the lane is worked off") { server.lanes.waiting == 0 }
        }
    }

    @Test("S8: 1,024 lanes whose handlers suspend wait together: 100,000 packets with 10 ms each take no minute, let alone 1,000 s")
    func suspended() async throws {
        try await withSleepers(rounds: 98) {
            try await Task.sleep(for: .milliseconds(10))
        } body: { server, all in
            try await eventually("all are handled", within: .seconds(60), all)
            #expect(server.lanes.threadCount <= 64)
        }
    }

    @Test("S8: handlers that block for 10 ms on 64 threads take what the arithmetic says and a fifth")
    func blocking() async throws {
        let least = Duration.milliseconds(20 * Lanes.count / 64 * 10)
        try await inOneTry(of: 3) {
            var took = Duration.zero
            try await withSleepers(rounds: 20) {
                hold(seconds: 0.01)
            } body: { _, all in
                let start = ContinuousClock.now
                try await eventually("all are handled", within: .seconds(60), all)
                took = ContinuousClock.now - start
            }
            return took <= least * 6 / 5 ? nil : "it took \(took), the arithmetic says \(least)"
        }
    }

    /// Sends `rounds` packets for each lane to handlers that do `work`; `all` says whether every one is handled.
    private func withSleepers(
        rounds: Int, work: @escaping @Sendable () async throws -> Void,
        body: (_ server: PacketServer, _ all: @escaping @Sendable () -> Bool) async throws -> Void
    ) async throws {
        let done = Counting()
        try await withServer { router in
            router.on(7) { _, _ in
                try await work()
                done.add()
                return nil
            }
        } body: { server in
            let sessions = sessionsInDifferentLanes(Lanes.count)
            let peer = try await PacketPeer.connect(to: server.address)
            for _ in 0..<rounds { peer.say(sessions.map { packet(7, session: $0) }) }
            try await body(server) { done.count == rounds * Lanes.count }
            #expect(peer.undelivered.isEmpty)
        }
    }
}

/// A count that handlers add to.
private final class Counting: Sendable {
    private let value = Atomic<Int>(0)
    var count: Int { value.load(ordering: .relaxed) }
    func add() { value.wrappingAdd(1, ordering: .relaxed) }
}
