import Links
import Switchyard
import Testing

/// What a flood can take: a bounded part of the process's memory.
@Suite("Lane floods", .serialized)
struct LaneFloodTests {
    private func withServer(
        memory: MemoryBudget, handlers: (inout PacketRouter) -> Void, body: (PacketServer) async throws -> Void
    ) async throws {
        try await SwitchyardTests.withServer(settings: { $0.memory = memory }, handlers: handlers, body: body)
    }

    @Test("S13: packets in lanes count toward memory; over it each is answered busy, other handlers go on, and there is room again afterwards")
    func memory() async throws {
        let limit = 4 << 20
        let budget = MemoryBudget(limit: limit)
        let barrier = Barrier()
        try await withServer(memory: budget) { router in
            router.on(7) { packet, _ in
                await barrier.suspend()
                return packet
            }
            router.inline(8) { packet, _ in packet }
        } body: { server in
            defer { barrier.open() }
            // 32 MiB for 1,000 lanes, none of which is full.
            let sessions = sessionsInDifferentLanes(1_000)
            let body = String(repeating: "x", count: 32 << 10)
            let peer = try await PacketPeer.connect(to: server.address)
            var most = 0
            for start in stride(from: 0, to: sessions.count, by: 50) {
                peer.say(sessions[start..<start + 50].map { packet(7, body, session: $0) })
                peer.say(packet(8, "\(start)"))
                try await eventually("the inline answer") { peer.answers.last?.text == "\(start)" }
                most = max(most, budget.total)
            }
            // Budgets are asked by what was known at the end of the last turn, so one turn's reads come on top.
            #expect(most > limit)
            #expect(most <= limit + 1 << 20)
            let held = server.lanes.waiting
            #expect(peer.undelivered.count == sessions.count - held)
            #expect(peer.undelivered.allSatisfy { $0 == Code.busy.rawValue })
            barrier.open()
            try await eventually("everything is answered, and given back") {
                peer.answers.count { $0.type == 7 } == held && server.lanes.waiting == 0 && budget.total == 0
            }
            peer.say(packet(7, "again"))
            try await eventually("there is room again") { peer.answers.last?.text == "again" }
        }
    }

    @Test("S8: a flood of one lane holds its depth and no more, call after call, and leaves nothing behind")
    func depth() async throws {
        let budget = MemoryBudget(limit: 1 << 30)
        let barrier = Barrier()
        try await withServer(memory: budget) { router in
            router.on(7) { packet, _ in
                await barrier.suspend()
                return packet
            }
        } body: { server in
            defer { barrier.open() }
            let peer = try await PacketPeer.connect(to: server.address)
            let each = packet(7, String(repeating: "x", count: 1_000)).header.length
            for round in 1...10 {
                peer.say((0..<1_000).map { _ in packet(7, String(repeating: "x", count: 1_000)) })
                let left = max(round * 1_000 - 1_024, 0)
                try await eventually("what finds room waits, and the rest is told") {
                    peer.undelivered.count == left && server.lanes.waiting == round * 1_000 - left
                }
            }
            #expect(peer.undelivered.allSatisfy { $0 == Code.busy.rawValue })
            try await eventually("what is held is what a lane holds") { budget.total == 1_024 * each }
            barrier.open()
            try await eventually("everything is answered, and given back") { peer.answers.count == 1_024 && budget.total == 0 }
        }
    }
}
