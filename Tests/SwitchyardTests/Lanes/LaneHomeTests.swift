import Dispatch
import Synchronization
import Testing
import Wire

@testable import Switchyard

/// A handler may use actors; wherever it returns, whoever comes next is handled on the lanes' own threads.
@Suite("Lanes: handlers on other executors", .timeLimit(.minutes(1)))
struct LaneHomeTests {
    /// An actor with a thread of its own.
    fileprivate actor World {
        private final class Queue: SerialExecutor {
            private let queue = DispatchQueue(label: "world")
            func enqueue(_ job: consuming ExecutorJob) {
                let job = UnownedJob(job)
                queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
            }
        }

        private let queue = Queue()
        nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

        func answer(_ packet: Packet) throws -> Packet? {
            guard packet.text != "throw" else { throw PacketRefusal(.badRequest) }
            return packet
        }
    }

    fileprivate static let world = World()
    @MainActor private static func onMain(_ packet: Packet, _ connection: PacketConnection) async throws -> Packet? {
        guard packet.text != "throw" else { throw PacketRefusal(.badRequest) }
        return packet
    }

    @concurrent private static func elsewhere(_ packet: Packet, _ connection: PacketConnection) async throws -> Packet? {
        try await world.answer(packet)
    }

    enum Way: CaseIterable { case byName, closure, mainActor, concurrent }

    @Test("S8: a handler that ends on another executor takes no other lane with it", arguments: Way.allCases, ["return", "throw"])
    func otherExecutors(way: Way, ending: String) async throws {
        let barrier = Barrier()
        defer { barrier.open() }
        let places = Mutex<[Bool]>([])
        let sessions = sessionsInDifferentLanes(12)
        try await withServer(lanes: Lanes(threads: 1)) { router in
            router.on(6) { _, _ in
                barrier.block()
                return nil
            }
            switch way {
            case .byName: router.on(7, perform: askWorld)
            case .closure: router.on(7) { packet, _ in try await LaneHomeTests.world.answer(packet) }
            case .mainActor: router.on(7) { packet, connection in try await LaneHomeTests.onMain(packet, connection) }
            case .concurrent: router.on(7) { packet, connection in try await LaneHomeTests.elsewhere(packet, connection) }
            }
            router.on(8) { packet, _ in
                // Off the actor, or its queue would be this thread's.
                let isHome = LaneWorker.withCurrent { _ in }
                places.withLock { $0.append(isHome) }
                return packet
            }
        } body: { server in
            let peer = try await PacketPeer.connect(to: server.address)
            // All wait for the one thread, so that one runner has them all.
            peer.say(packet(6, session: sessions[0]))
            try await eventually("the thread is held") { barrier.waiting == 1 }
            for turn in 0..<3 {
                peer.say([packet(7, ending, session: sessions[1])] + sessions[2...].map { packet(8, session: $0) })
                if turn == 0 {
                    try await eventually("all wait") { server.lanes.waiting == sessions.count }
                    barrier.open()
                }
                try await eventually("all are answered") { peer.heard.count == (turn + 1) * (sessions.count - 1) }
            }
            #expect(places.withLock { $0 } == Array(repeating: true, count: 3 * (sessions.count - 2)))
        }
    }
}

private func askWorld(_ packet: Packet, _ connection: PacketConnection) async throws -> Packet? { try await LaneHomeTests.world.answer(packet) }
