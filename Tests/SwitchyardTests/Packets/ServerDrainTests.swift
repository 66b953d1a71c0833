import Foundation
import Switchyard
import Synchronization
import Telemetry
import Testing

/// How a packet server leaves.
@Suite("Packet server leaving", .serialized)
struct ServerDrainTests {
    @Test("S25: gateways hear DRAIN, what they send until they answer is served, and the link closes when all is answered")
    func gateways() async throws {
        try await withServer { router in
            router.on(7) { packet, _ in
                try await Task.sleep(for: .milliseconds(100))
                return packet
            }
        } body: { server in
            // A gateway that sends 5 more behind the DRAIN that it hears, and then answers it.
            let peer = try await PacketPeer.connect(to: server.address) { heard in
                guard heard.type == ControlType.drain.rawValue else { return [] }
                return (11...15).map { packet(7, "\($0)", session: $0) } + [Packet(Drain(deadlineMilliseconds: 0))]
            }
            peer.say((1...10).map { packet(7, "\($0)", session: $0) })
            try await eventually("all are under way") { server.lanes.waiting == 10 }
            await server.drain(within: .seconds(10), atOnce: false)
            try await eventually("the end") { peer.isClosed }
            #expect(Set(peer.answers.map(\.text)) == Set((1...15).map { "\($0)" }))
            #expect(peer.undelivered.isEmpty)
        }
    }

    @Test("S25: a server that has left is asked again and returns at once")
    func again() async throws {
        try await withServer {
            $0.on(7) { packet, _ in packet }
        } body: { server in
            let peer = try await PacketPeer.connect(to: server.address)
            peer.say(packet(7, "one"))
            try await eventually("the answer") { peer.answers.count == 1 }
            for _ in 0..<2 { await server.drain(within: .seconds(5), atOnce: true) }
            #expect(await server.status().state == "stopped")
        }
    }

    @Test("S25: clients get the answers to what was read, then REJECT 4; nobody new is let in")
    func clients() async throws {
        try await withServer(.clients) { router in
            router.on(7) { packet, _ in
                try await Task.sleep(for: .milliseconds(100))
                return packet
            }
        } body: { server in
            let address = server.address
            let peer = try await PacketPeer.connect(to: address)
            peer.say(packet(7, "one"), packet(7, "two"))
            try await eventually("both are under way") { server.lanes.waiting == 2 }
            await server.drain(within: .seconds(10), atOnce: false)
            try await eventually("the end") { peer.isClosed }
            #expect(peer.answers.map(\.text) == ["one", "two"])
            #expect(peer.rejected == Code.draining.rawValue)
            await #expect(throws: (any Error).self) { try await PacketPeer.connect(to: address) }
        }
    }

    @Test("S25: at drainTimeout handlers are cancelled, what waits is answered draining, and no handler is called after", arguments: [true, false])
    func cut(suspends: Bool) async throws {
        let calls = Atomic<Int>(0)
        let cancelled = Atomic<Int>(0)
        let barrier = Barrier()
        defer { barrier.open() }
        try await withServer { router in
            router.on(7) { packet, _ in
                calls.wrappingAdd(1, ordering: .relaxed)
                if suspends {
                    do { try await Task.sleep(for: .seconds(60)) } catch { cancelled.wrappingAdd(1, ordering: .relaxed) }
                } else {
                    barrier.block()
                }
                return packet
            }
        } body: { server in
            let peer = try await PacketPeer.connect(to: server.address) { heard in
                heard.type == ControlType.drain.rawValue ? [Packet(Drain(deadlineMilliseconds: 0))] : []
            }
            peer.say((0..<10).map { packet(7, "\($0)") })
            try await eventually("one is under way") { calls.load(ordering: .relaxed) == 1 && server.lanes.waiting == 10 }
            let start = ContinuousClock.now
            await server.drain(within: .milliseconds(300), atOnce: false)
            #expect(ContinuousClock.now - start < .seconds(3))
            if suspends {
                try await eventually("nine are answered") { peer.undelivered.count == 9 }
                #expect(peer.undelivered.allSatisfy { $0 == Code.draining.rawValue })
                #expect(cancelled.load(ordering: .relaxed) == 1)
            }
            barrier.open()
            try await eventually("the lane is empty") { server.lanes.waiting == 0 }
            #expect(calls.load(ordering: .relaxed) == 1)
        }
    }
}
