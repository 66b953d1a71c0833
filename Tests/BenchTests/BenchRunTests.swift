import Links
import NIOCore
import NIOPosix
import Testing
import Wire

@testable import Bench

/// Whole runs over loopback. Without a warm-up every packet counts, so the server's count is the report's.
@Suite(.timeLimit(.minutes(1)))
struct BenchRunTests {
    private func plan(_ server: EchoServer, _ load: BenchPlan.Load, connections: Int = 4, size: Int = 32, loops: Int = 1) -> BenchPlan {
        BenchPlan(
            target: server.endpoint, load: load, connections: connections, size: size, seconds: 0.3, warmUp: 0, patience: 30, loops: loops)
    }

    @Test(arguments: [(1, 1, 8), (4, 1, 100), (5, 2, 2_000), (2, 2, 65_507)])
    func `a closed loop counts every packet once`(connections: Int, loops: Int, size: Int) async throws {
        try await EchoServer.run { server in
            let report = try await benchPackets(plan(server, .window(8), connections: connections, size: size, loops: loops), type: 7)
            #expect(report.sent > 0)
            #expect(report.sent == UInt64(server.heard.value))
            #expect(report.received == report.sent)
            #expect(report.problem == nil)
            #expect(report.outOfOrder == 0)
            #expect(report.latencyMicroseconds != nil)
        }
    }

    @Test(arguments: [(1, 1), (4, 1), (5, 2), (3, 8)])
    func `an open loop sends exactly what is due`(connections: Int, loops: Int) async throws {
        try await EchoServer.run { server in
            let report = try await benchPackets(plan(server, .rate(1_000), connections: connections, loops: loops), type: 7)
            #expect(report.sent == 300)
            #expect(server.heard.value == 300)
            #expect(report.received == 300)
            #expect(report.problem == nil)
        }
    }

    @Test func `a connection that stands when the run has been given up is closed and harms nothing`() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        try await loop.submit {
            let target = Endpoint.host("127.0.0.1", port: 1)
            let plan = BenchPlan(target: target, load: .window(1), connections: 2, size: 32, seconds: 1, warmUp: 0, patience: 1, loops: 1)
            let finished = loop.makePromise(of: LoadResult.self)
            defer { finished.fail(ChannelError.eof) }
            let load = LoadLoop(plan: plan, place: 0, eventLoop: loop, finished: finished) {
                PacketBenchCodec(type: 7, size: 32, connection: UInt32($0))
            }
            load.discard()
            #expect(throws: (any Error).self) { _ = try load.handler(of: 1) }
        }.get()
    }

    @Test func `undelivered packets are counted by code`() async throws {
        try await EchoServer.run { packet, place in
            if place % 3 != 0 { return .packet(packet) }
            let quote = Array(packet.body.readableBytesView)
            return .packet(Packet(Undelivered(code: Code.noPeer.rawValue, lost: packet.header, quote: quote, reason: "noPeer")))
        } during: { server in
            let report = try await benchPackets(plan(server, .rate(1_000)), type: 7)
            #expect(report.undelivered == ["noPeer": 100])
            #expect(report.received == 200)
            #expect(report.unanswered == 0)
            #expect(report.problem == "undelivered: noPeer 100")
        }
    }

    @Test func `a silent peer leaves the window unanswered`() async throws {
        try await EchoServer.run { _, _ in
            .silence
        } during: { server in
            var plan = plan(server, .window(3))
            plan.patience = 0.1
            plan.warmUp = 0.1
            let report = try await benchPackets(plan, type: 7)
            #expect(report.unanswered == 12)
            #expect(report.problem == "12 requests were not answered")
        }
    }

    @Test func `connections that the peer closes end the run`() async throws {
        try await EchoServer.run { packet, place in
            place < 50 ? .packet(packet) : .close
        } during: { server in
            var plan = plan(server, .window(1), connections: 2)
            plan.seconds = 3_600
            let report = try await benchPackets(plan, type: 7)
            #expect(report.errors == 2)
            #expect(report.received == 50)
            #expect(report.unanswered == 2)
        }
    }

    @Test(arguments: [1, 2]) func `an open loop ends when its last connection does`(loops: Int) async throws {
        try await EchoServer.run { _, _ in
            .close
        } during: { server in
            var plan = plan(server, .rate(100_000), connections: 3, loops: loops)
            plan.seconds = 3_600
            let report = try await benchPackets(plan, type: 7)
            #expect(report.errors == 3)
            #expect(report.received == 0)
            #expect(report.problem?.hasPrefix("3 of 3 connections to \(server.endpoint) failed") == true)
        }
    }

    @Test func `a rejected connection is told by its code`() async throws {
        try await EchoServer.run { _, _ in
            .packet(Packet(Reject(.rateLimited)))
        } during: { server in
            let report = try await benchPackets(plan(server, .window(1), connections: 1), type: 7)
            #expect(report.rejected == ["rateLimited": 1])
            #expect(report.firstError == "rejected: rateLimited")
        }
    }

    @Test func `cancelling ends the run with the result so far`() async throws {
        try await EchoServer.run { server in
            var endless = plan(server, .window(2))
            endless.seconds = 3_600
            let plan = endless
            let task = Task { try await benchPackets(plan, type: 7) }
            while server.heard.value < 100 { await Task.yield() }
            task.cancel()
            let report = try await task.value
            #expect(report.interrupted)
            #expect(report.sent == UInt64(server.heard.value))
            #expect(report.received == report.sent)
        }
    }

    @Test func `progress is told while the run goes on`() async throws {
        try await EchoServer.run { server in
            var endless = plan(server, .rate(100))
            endless.seconds = 3_600
            let plan = endless
            let (stream, told) = AsyncStream.makeStream(of: BenchProgress.self)
            let task = Task { try await benchPackets(plan, type: 7, onProgress: { told.yield($0) }) }
            let first = await stream.first { $0.answers > 0 }
            task.cancel()
            let report = try await task.value
            #expect(report.interrupted)
            #expect(first?.description.contains("packets/s") == true)
        }
    }

    @Test func `nobody there is one clear line`() async throws {
        let endpoint = try await EchoServer.run { $0.endpoint }
        let plan = BenchPlan(target: endpoint, connections: 1, seconds: 1)
        await #expect {
            try await benchPackets(plan, type: 7)
        } throws: { error in
            "\(error)" == "cannot connect to \(endpoint): connection refused; is anything listening there?"
        }
    }
}
