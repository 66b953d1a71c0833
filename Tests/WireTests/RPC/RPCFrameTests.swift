import NIOCore
import Testing
import Wire

/// The golden bytes of every frame, in both directions.
@Suite("Golden RPC frames")
struct RPCFrameTests {
    @Test("the file holds every frame of the protocol")
    func complete() {
        #expect(Set(RPCVectors.all.frames.map(\.kind)) == Set(RPCKind.allCases))
    }

    @Test("bytes give the fields, and fields the bytes", arguments: RPCVectors.all.frames)
    func both(_ golden: GoldenFrame) throws {
        var encoded = ByteBuffer()
        golden.frame.write(to: &encoded)
        #expect(encoded == golden.bytes)
        let frame = try #require(try RPCFrame(from: &encoded))
        #expect(encoded.readableBytes == 0)
        #expect(frame == golden.frame)
        #expect(RPCKind(rawValue: frame.header.kind) == golden.kind)
        try check(frame, golden.fields)
    }

    private func check(_ frame: RPCFrame, _ fields: GoldenFrame.Fields) throws {
        switch RPCKind(rawValue: frame.header.kind) {
        case .hello:
            let hello = try Hello(body: frame.payload, format: .standard)
            #expect(hello.node == fields.node && hello.window == fields.window ?? 0 && hello.name == fields.display)
        case .request:
            let request = try ProtoRequest(payload: frame.payload)
            #expect(request.type == fields.type && request.shardingID == fields.shardingId)
            #expect(frame.header.isOneway == (fields.oneway ?? false))
        case .reply:
            let reply = try ProtoReply(payload: frame.payload)
            #expect(reply.result == fields.result && reply.type == fields.type)
        case .undelivered, .reject:
            #expect(frame.header.code == fields.code)
            #expect(try Reject(body: frame.payload, format: .standard) == Reject(code: fields.code ?? 0, reason: fields.reason ?? ""))
        default: break
        }
    }

    @Test("S15: malformed bytes lead to what the protocol says", arguments: RPCVectors.all.malformed)
    func malformed(_ entry: RPCVectors.Malformed) throws {
        let bytes = ByteBuffer(hex: entry.hex)
        var body = bytes
        body.moveReaderIndex(forwardBy: min(RPCHeader.size, bytes.readableBytes))
        switch entry.name {
        case "length 31", "length 2^31":
            for count in 4...bytes.readableBytes {
                guard case .malformed(let error) = step(bytes.prefix(count)) else {
                    Issue.record("taken after \(count) bytes")
                    return
                }
                #expect(error.code == .protocol)
            }
        case "HELLO claiming 65535 ranges in 40 bytes":
            guard case .frame(let header) = step(bytes) else {
                Issue.record("no frame")
                return
            }
            #expect(header.kind == RPCKind.hello.rawValue)
            #expect(throwing(.protocol) { _ = try Hello(body: body, format: .standard) })
        case "REQUEST with an 11-byte payload":
            guard case .frame(let header) = step(bytes) else {
                Issue.record("no frame")
                return
            }
            #expect(header.payloadCount < ProtoRequest.leastPayload)
            #expect(throwing(.badRequest) { _ = try ProtoRequest(payload: body) })
        default: Issue.record("a malformed frame that no test knows: \(entry.name) (\(entry.wants))")
        }
    }

    private func step(_ bytes: ByteBuffer) -> RPCFraming.Step {
        var framing = RPCFraming(maxFrame: RPCHeader.defaultMaxFrame)
        return bytes.withUnsafeReadableBytes { framing.step($0) }
    }

    @Test("S1: a reason is whole up to 200 bytes, and cut between characters beyond")
    func reasons() {
        for (reason, count) in [("", 0), (String(repeating: "x", count: 200), 200), (String(repeating: "ä", count: 101), 200)] {
            #expect(RPCUndelivered(code: 6, rpc: 1, identify: 2, call: 3, reason: reason).header.payloadCount == 2 + count)
        }
    }
}
