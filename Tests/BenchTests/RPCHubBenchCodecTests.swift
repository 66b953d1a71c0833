import NIOCore
import Testing
import Wire

@testable import Bench

/// Registers, then calls; answers are matched by their call ids.
@Suite struct RPCHubBenchCodecTests {
    private func codec() -> RPCHubBenchCodec { RPCHubBenchCodec(rpc: 10, type: -9, size: 3, identify: 77, token: [1, 2]) }

    private func read(_ codec: inout RPCHubBenchCodec, _ frame: RPCFrame, output: inout ByteBuffer) -> BenchMessage {
        var bytes = ByteBuffer()
        frame.write(to: &bytes)
        return bytes.withUnsafeReadableBytes { codec.read($0, output: &output) }
    }

    private func read(_ codec: inout RPCHubBenchCodec, _ frame: RPCFrame) -> BenchMessage.Meaning {
        var output = ByteBuffer()
        return read(&codec, frame, output: &output).meaning
    }

    @Test func `nothing is asked before WELCOME`() throws {
        var connection = LoadConnection(codec: codec(), index: 0)
        var ledger = Ledger(countFrom: 0, countTo: .max)
        var output = ByteBuffer()
        connection.open(output: &output)
        let hello = try #require(try RPCFrame(from: &output))
        #expect(hello.header.kind == RPCKind.hello.rawValue && output.readableBytes == 0)
        #expect(try Hello(body: hello.payload, format: .standard).node == 77)
        connection.fill(window: 4, at: 1, ledger: &ledger, output: &output)
        #expect(output.readableBytes == 0 && !connection.isReady)
        var welcome = ByteBuffer()
        RPCFrame(.welcome, Welcome(hub: 1, heartbeatMilliseconds: 10, maxFrame: 1 << 20, name: "h")).write(to: &welcome)
        _ = welcome.withUnsafeReadableBytes { connection.receive($0, at: 2, start: 0, ledger: &ledger, output: &output) }
        connection.fill(window: 4, at: 3, ledger: &ledger, output: &output)
        for number in 1...4 as ClosedRange<UInt64> {
            let request = try #require(try RPCFrame(from: &output))
            #expect(request.header.call == number && request.header.rpc == 10 && request.header.identify == 77)
            #expect(try ProtoRequest(payload: request.payload).type == -9)
        }
    }

    @Test func `answers and refusals are matched once`() {
        var codec = codec()
        var output = ByteBuffer()
        for sequence in 1...3 as ClosedRange<UInt32> { codec.appendRequest(sentAt: UInt64(100 + sequence), sequence: sequence, to: &output) }
        let reply = RPCFrame(RPCHeader(.reply, payloadCount: 0, call: 2), payload: ByteBuffer(repeating: 0, count: 12))
        #expect(read(&codec, reply) == .answer(sentAt: 102, sequence: 2))
        #expect(read(&codec, reply) == .foreign)
        var refusal = RPCFrame(Reject(.busy))
        (refusal.header.kind, refusal.header.call) = (RPCKind.undelivered.rawValue, 3)
        #expect(read(&codec, refusal) == .undelivered(code: 3, sentAt: 103))
        #expect(read(&codec, RPCFrame(Reject(.unauthorized))) == .reject(code: 11))
        output.clear()
        _ = read(&codec, RPCFrame(RPCHeader(.ping, payloadCount: 0, call: 5), payload: ByteBuffer(string: "x")), output: &output)
        #expect((try? RPCFrame(from: &output))?.header.kind == RPCKind.pong.rawValue)
    }
}
