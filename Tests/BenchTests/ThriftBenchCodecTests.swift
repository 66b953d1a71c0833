import NIOCore
import Testing
import Wire

@testable import Bench

/// Calls out, answers back, matched by their sequence ids.
@Suite struct ThriftBenchCodecTests {
    private static let form = ThriftForm(.framed, .binary)

    /// A codec that has made that many calls, at 101, 102, and so on.
    private func codec(calls: UInt32) -> ThriftBenchCodec {
        var codec = ThriftBenchCodec(method: "rpc", type: 7, size: 3)
        var output = ByteBuffer()
        for sequence in 0..<calls { codec.appendRequest(sentAt: UInt64(101 + sequence), sequence: sequence + 1, to: &output) }
        return codec
    }

    private func read(_ codec: inout ThriftBenchCodec, _ message: ByteBuffer) -> BenchMessage {
        var output = ByteBuffer()
        return message.withUnsafeReadableBytes { codec.read($0, output: &output) }
    }

    private func reply(_ sequence: Int32) -> ByteBuffer {
        ThriftEnvelope.message(ThriftBenchCodecTests.form, .reply, sequence: sequence, name: "rpc") {
            ThriftBody.write(ProtoReply(result: 1), encoding: .binary, to: &$0)
        }
    }

    private func exception(_ sequence: Int32, _ exception: ThriftException) -> ByteBuffer {
        ThriftEnvelope.message(ThriftBenchCodecTests.form, .exception, sequence: sequence, name: "rpc") {
            ThriftBody.write(exception, encoding: .binary, to: &$0)
        }
    }

    @Test func `a call is a whole message with the type and a content of that size`() throws {
        var codec = ThriftBenchCodec(method: "chat:say", type: -9, size: 70_000, sharding: 5)
        var output = ByteBuffer()
        codec.appendRequest(sentAt: 1, sequence: 0x8000_0002, to: &output)
        #expect(output.readableBytes == codec.requestSize)
        var reader = ThriftReader(limit: 1 << 20)
        guard case .message(let head) = output.withUnsafeReadableBytes({ reader.next($0) }) else { return #expect(Bool(false), "no message") }
        #expect(head.count == output.readableBytes)
        #expect(head.sequence == Int32(bitPattern: 0x8000_0002))
        #expect(output.getString(at: head.name.lowerBound, length: head.name.count) == "chat:say")
        let request = try ThriftBody.arguments(output, body: head.body, encoding: .binary)
        #expect(request.type == -9)
        #expect(request.content.readableBytes == 70_000)
        #expect(request.shardingID == 5)
    }

    @Test func `answers are matched by sequence id in any order, and each counts once`() {
        var codec = codec(calls: 200)
        for sequence in [3, 200, 1, 2] as [Int32] {
            let message = read(&codec, reply(sequence))
            #expect(message.meaning == .answer(sentAt: UInt64(100 + sequence), sequence: UInt32(sequence)))
            #expect(message.length == reply(sequence).readableBytes)
        }
        for sequence in [3, 201, 0, -1] as [Int32] { #expect(read(&codec, reply(sequence)).meaning == .foreign) }
    }

    @Test func `exceptions count by the code that their message begins with`() {
        var codec = codec(calls: 3)
        let declared = ThriftEnvelope.message(ThriftBenchCodecTests.form, .reply, sequence: 3, name: "rpc") {
            $0.writeBytes([12, 0, 1, 0, 0])
        }
        let busy = ThriftException(.busy, "10000 calls wait already")
        let other = ThriftException(ThriftException.Kind.internalError, "what: ever")
        #expect(read(&codec, exception(1, busy)).meaning == .undelivered(code: Code.busy.rawValue, sentAt: 101))
        #expect(read(&codec, exception(2, other)).meaning == .undelivered(code: Code.remoteException.rawValue, sentAt: 102))
        #expect(read(&codec, declared).meaning == .undelivered(code: Code.remoteException.rawValue, sentAt: 103))
    }

    @Test func `what is no answer is not taken for one`() {
        var codec = codec(calls: 1)
        let whole = reply(1)
        for count in 0..<whole.readableBytes {
            var cut = whole
            cut.moveWriterIndex(to: count)
            #expect(read(&codec, cut).meaning == .incomplete)
        }
        #expect(read(&codec, ByteBuffer(string: "HTTP/1.1 200 OK\r\n")).meaning == .badLength(0x4854_5450))
        #expect(read(&codec, whole).meaning == .answer(sentAt: 101, sequence: 1))
    }

    @Test func `times are found across the wrap of the sequence numbers, and the oldest do not pile up`() {
        let first = UInt32.max - 20
        var times = RequestTimes(capacity: 4, first: first)
        // The first is not answered for a while, then all behind it are.
        for step in UInt32(0)..<40 { times.add(UInt64(step + 1)) }
        for step in UInt32(1)..<40 { #expect(times.take(first &+ step) == UInt64(step + 1)) }
        #expect(times.take(first) == 1)
        #expect(times.take(first) == nil)
        for step in UInt32(40)..<100_000 {
            times.add(UInt64(step))
            #expect(times.take(first &+ step) == UInt64(step))
        }
        #expect(times.capacity <= 64)
    }
}
