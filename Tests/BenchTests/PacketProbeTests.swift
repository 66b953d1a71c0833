import Links
import NIOCore
import Testing
import Wire

@testable import Bench

@Suite(.timeLimit(.minutes(1)))
struct PacketProbeTests {
    private func outcome(
        wait: Duration = .seconds(30), _ answer: @escaping @Sendable (Packet, Int) -> EchoServer.Reply
    ) async throws -> PacketProbe.Outcome {
        try await EchoServer.run(answer) { server in
            try await PacketProbe.exchange(type: 100, user: 5, token: 6, body: Array("hi".utf8), with: server.endpoint, wait: wait)
        }
    }

    @Test func `the first application packet is the answer, whatever its type`() async throws {
        let outcome = try await outcome { packet, _ in
            #expect(packet == Packet(type: 100, user: 5, token: 6, body: ByteBuffer(string: "hi")))
            return .packet(Packet(type: 9, body: ByteBuffer(string: "there")))
        }
        #expect(outcome == .answer(body: Array("there".utf8)))
    }

    @Test func `UNDELIVERED, REJECT and a close are outcomes too`() async throws {
        let undelivered = Undelivered(code: 1, lost: PacketHeader(bodyCount: 2, type: 100), quote: [], reason: "noRoute")
        #expect(try await outcome { _, _ in .packet(Packet(undelivered)) } == .undelivered(undelivered))
        #expect(try await outcome { _, _ in .packet(Packet(Reject(.draining))) } == .rejected(Reject(.draining)))
        #expect(try await outcome { _, _ in .close } == .closed)
    }

    @Test func `silence is an outcome when the time is up, and PING is not an answer`() async throws {
        #expect(try await outcome(wait: .seconds(1)) { _, _ in .silence } == .silence)
        let ping = Packet(type: ControlType.ping.rawValue, body: ByteBuffer(string: "x"))
        #expect(try await outcome(wait: .seconds(1)) { _, _ in .packet(ping) } == .silence)
    }

    @Test func `a peer of another protocol is named`() async throws {
        // A packet whose length field is 0: what the header says is not what is written.
        let broken = Packet(header: PacketHeader(length: 0, type: 1), body: ByteBuffer())
        await #expect {
            try await outcome { _, _ in .packet(broken) }
        } throws: { "\($0)".contains("does not speak this protocol") }
    }
}
