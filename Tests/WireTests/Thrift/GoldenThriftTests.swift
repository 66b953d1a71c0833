import NIOCore
import Testing
import Wire

@Suite("Golden Thrift messages")
struct GoldenThriftTests {
    @Test("the file holds nine messages in each of eight forms")
    func complete() {
        let forms = Set(GoldenThrift.all.map(\.form))
        #expect(forms.count == 8)
        #expect(GoldenThrift.all.count == 72)
    }

    @Test("a connection's form is told from its first 8 bytes, and never told wrong from fewer", arguments: GoldenThrift.all)
    func recognition(_ golden: GoldenThrift) {
        // A THeader's protocol stands behind its first 8 bytes; strict and old binary are told by each message.
        let expected = golden.form.transport == .header ? ThriftForm(.header, .binary) : golden.form
        for count in 0...ThriftRecognition.most {
            let found = golden.bytes.prefix(count).withUnsafeBytes { ThriftRecognition.of($0, limit: frameLimit) }
            let isDecided = count >= (golden.form.transport == .unframed && golden.form.protocol != .binaryOld ? 2 : 6)
            if isDecided { #expect(found == .form(expected), "after \(count) bytes") }
            #expect(found == .form(expected) || found == .undecided, "after \(count) bytes")
        }
    }

    @Test("the head gives type, name and sequence id", arguments: GoldenThrift.all)
    func decode(_ golden: GoldenThrift) throws {
        let head = try wholeHead(of: golden.bytes)
        #expect(head.form == golden.form)
        #expect(head.type == golden.expected.type)
        #expect(head.sequence == golden.expected.sequence)
        #expect(golden.bytes.text(head.name) == golden.expected.method)
        #expect(head.count == golden.bytes.count)
        if head.form.transport == .header { #expect(golden.bytes.text(head.info).contains("traceparent")) }
    }

    @Test("byte by byte it is incomplete until the last one, and then the same", arguments: GoldenThrift.all)
    func drip(_ golden: GoldenThrift) throws {
        let whole = try wholeHead(of: golden.bytes)
        var reader = ThriftReader(limit: frameLimit)
        for count in 0..<golden.bytes.count { #expect(reader.look(golden.bytes.prefix(count)) == .incomplete, "after \(count) bytes") }
        #expect(reader.look(golden.bytes) == .message(whole))
        // The next message on the same connection, with the one after it behind.
        #expect(reader.look(golden.bytes + golden.bytes) == .message(whole))
    }

    @Test("a new envelope before the same body gives the message again", arguments: GoldenThrift.all)
    func rewrite(_ golden: GoldenThrift) throws {
        let head = try wholeHead(of: golden.bytes)
        #expect(golden.rewritten(head, sequence: head.sequence) == golden.bytes)
        let other = golden.rewritten(head, sequence: head.sequence &+ 77)
        let again = try wholeHead(of: other)
        #expect(again.sequence == head.sequence &+ 77)
        #expect(other.text(again.name) == golden.expected.method)
        #expect(Array(other[again.body]) == Array(golden.bytes[head.body]))
    }

    @Test("converted to every other form, it is what Apache Thrift wrote in that form", arguments: GoldenThrift.all)
    func convert(_ golden: GoldenThrift) throws {
        let head = try wholeHead(of: golden.bytes)
        for form in Set(GoldenThrift.all.map(\.form)) {
            let target = try golden.inForm(form)
            let targetHead = try wholeHead(of: target.bytes)
            var body = ByteBuffer(bytes: [1, 2, 3])
            try golden.bytes.withUnsafeBytes {
                try ThriftConverter.convert(
                    $0, body: head.body, from: head.form.protocol.encoding, to: form.protocol.encoding, into: &body)
            }
            var expected = Array(target.bytes[targetHead.body])
            if head.form.protocol == .compact, form.protocol != .compact {
                // Compact does not tell the element types of an empty map.
                expected = expected.replacing(ByteBuffer(hex: "0d00010b0f00000000").bytes, with: ByteBuffer(hex: "0d0001000000000000").bytes)
            }
            #expect(body.bytes == [1, 2, 3] + expected, "to \(form)")
        }
    }

    @Test("typed bodies read as they were written, and are written as they were", arguments: GoldenThrift.all)
    func typed(_ golden: GoldenThrift) throws {
        let head = try wholeHead(of: golden.bytes)
        let buffer = ByteBuffer(bytes: golden.bytes)
        let encoding = head.form.protocol.encoding
        var written = ByteBuffer()
        let payload = Array(UInt8.min...UInt8.max) + Array("payload".utf8)
        let request = ProtoRequest(type: 7, content: ByteBuffer(bytes: payload), shardingID: -5)
        switch golden.name {
        case "call rpc", "oneway tell", "multiplexed call":
            #expect(try ThriftBody.arguments(buffer, body: head.body, encoding: encoding) == request)
            let sharding = golden.bytes.withUnsafeBytes { ThriftBody.shardingID($0, body: head.body, encoding: encoding) }
            #expect(sharding == -5)
            ThriftBody.write(request, encoding: encoding, to: &written)
        case "call rpc, negative sequence id":
            #expect(try ThriftBody.arguments(buffer, body: head.body, encoding: encoding) == ProtoRequest(type: 0))
            let sharding = golden.bytes.withUnsafeBytes { ThriftBody.shardingID($0, body: head.body, encoding: encoding) }
            #expect(sharding == nil)
            return
        case "reply rpc":
            let reply = ProtoReply(result: 1 << 40, type: 7, content: ByteBuffer(string: "answer"))
            #expect(try ThriftBody.result(buffer, body: head.body, encoding: encoding) == .success(reply))
            ThriftBody.write(reply, encoding: encoding, to: &written)
        case "reply deep, declared exception":
            #expect(try ThriftBody.result(buffer, body: head.body, encoding: encoding) == .declared(1))
            return
        case "reply nothing":
            #expect(try ThriftBody.result(buffer, body: head.body, encoding: encoding) == .nothing)
            return
        case "exception":
            let exception = ThriftException(.unknownMethod, "unknown: what")
            #expect(try ThriftBody.exception(buffer, body: head.body, encoding: encoding) == exception)
            ThriftBody.write(exception, encoding: encoding, to: &written)
        default: return
        }
        #expect(written.bytes == Array(golden.bytes[head.body]))
    }
}

extension GoldenThrift {
    /// The message with another sequence id: a new envelope in front of its own body bytes.
    func rewritten(_ head: ThriftHead, sequence: Int32) -> [UInt8] {
        bytes.withUnsafeBytes { raw in
            let envelope = ThriftEnvelope(
                form: head.form, type: head.type, sequence: sequence, name: UnsafeRawBufferPointer(rebasing: raw[head.name]),
                info: UnsafeRawBufferPointer(rebasing: raw[head.info]))
            var message = ByteBuffer()
            message.write(envelope, bodyCount: head.body.count)
            message.writeBytes(raw[head.body])
            return message.bytes
        }
    }
}
