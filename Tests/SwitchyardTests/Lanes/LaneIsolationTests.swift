import Foundation
import NIOCore
import Switchyard
import Synchronization
import Testing

/// Lets handlers wait until a test lets them go: by suspending, or by blocking their threads.
final class Barrier: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let count = Atomic<Int>(0)
    var waiting: Int { count.load(ordering: .relaxed) }
    func block() {
        count.wrappingAdd(1, ordering: .relaxed)
        semaphore.wait()
        semaphore.signal()
    }
    func open() { semaphore.signal() }
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
    /// Sends one packet at a time for each of `sessions` and returns how long each took, sorted.
    private func latencies(_ peer: PacketPeer, sessions: [UInt64], rounds: Int, pause: Duration) async throws -> [TimeAmount] {
        var all: [TimeAmount] = []
        for _ in 0..<rounds {
            let before = peer.heard.count
            let start = NIODeadline.now()
            peer.say(sessions.map { packet(7, session: $0) })
            try await eventually("\(sessions.count) answers") { peer.heard.count >= before + sessions.count }
            all += peer.times[before...].map { $0 - start }
            try await Task.sleep(for: pause)
        }
        return all.sorted()
    }

    @Test("S8: a lane that hangs for 5 s adds less than 10 ms to the others' p99", arguments: [true, false])
    func hung(blocks: Bool) async throws {
        let isHung = Atomic<Bool>(false)
        try await withServer { router in
            router.on(7) { packet, _ in packet }
            router.on(8) { _, _ in
                isHung.store(true, ordering: .relaxed)
                if blocks { hold(seconds: 5) } else { try await Task.sleep(for: .seconds(5)) }
                return nil
            }
        } body: { server in
            let sessions = sessionsInDifferentLanes(33)
            let peer = try await PacketPeer.connect(to: server.address)
            let calm = try await latencies(peer, sessions: Array(sessions.dropFirst()), rounds: 50, pause: .milliseconds(1))
            peer.say(packet(8, session: sessions[0]))
            try await eventually("the lane hangs") { isHung.load(ordering: .relaxed) }
            let start = ContinuousClock.now
            let loaded = try await latencies(peer, sessions: Array(sessions.dropFirst()), rounds: 250, pause: .milliseconds(12))
            #expect(ContinuousClock.now - start < .seconds(5), "the measurement has outlasted the hang")
            let (before, during) = (calm[calm.count * 99 / 100], loaded[loaded.count * 99 / 100])
            #expect(during < before + .milliseconds(10), "p99 \(before) before, \(during) during")
            try await eventually("the stall is counted") { server.lanes.stallCount == 1 }
        }
    }

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
            let loaded = try await latencies(peer, sessions: Array(sessions[63...]), rounds: 20, pause: .milliseconds(1))
            #expect(loaded.count == 2_000)
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

    @Test("S8: 100,000 packets over 1,024 lanes, each held 10 ms by a suspended handler, take what the arithmetic says and a fifth")
    func arithmetic() async throws {
        var byLane: [Int: UInt64] = [:]
        var session: UInt64 = 1
        while byLane.count < Lanes.count {
            byLane[Lanes.lane(of: session)] = session
            session += 1
        }
        let done = Atomic<Int>(0)
        try await withServer { router in
            router.on(7) { _, _ in
                try await Task.sleep(for: .milliseconds(10))
                done.wrappingAdd(1, ordering: .relaxed)
                return nil
            }
        } body: { server in
            let peer = try await PacketPeer.connect(to: server.address)
            let rounds = 98
            let start = ContinuousClock.now
            for _ in 0..<rounds { peer.say(byLane.values.map { packet(7, session: $0) }) }
            try await eventually("all are handled", within: .seconds(60)) { done.load(ordering: .relaxed) == rounds * Lanes.count }
            let took = ContinuousClock.now - start
            print("100,352 packets over 1,024 lanes, 10 ms each: \(took)")
            #expect(peer.undelivered.isEmpty)
        }
    }
}
