import NIOCore
import TestSupport
import Testing
import Wire

@Suite("Cutting a link's bytes into RPC frames")
struct RPCFramingTests {
    /// What a link sees: events in order, fed in pieces of the given sizes.
    private func run(_ bytes: [UInt8], maxFrame: Int = RPCHeader.defaultMaxFrame, pieces: () -> Int) -> [String] {
        var framing = RPCFraming(maxFrame: maxFrame)
        var buffer = ByteBuffer()
        var rest = bytes[...]
        var events: [String] = []
        while true {
            let step = buffer.withUnsafeReadableBytes { framing.step($0) }
            switch step {
            case .frame(let header):
                let frame = buffer.readBytes(length: header.length) ?? []
                events.append("frame \(header.kind) \(header.call) \(frame.count) \(frame.last ?? 0)")
            case .tooLarge(let header): events.append("too large \(header.kind) \(header.call)")
            case .discard(let count): buffer.moveReaderIndex(forwardBy: count)
            case .malformed(let error): return events + ["\(error.code)"]
            case .incomplete(let needed):
                #expect(needed > buffer.readableBytes, "it asks for what it has")
                guard !rest.isEmpty else { return events + ["waits with \(buffer.readableBytes)"] }
                let piece = rest.prefix(max(1, pieces()))
                buffer.writeBytes(piece)
                rest = rest.dropFirst(piece.count)
            }
        }
    }

    private func frame(_ kind: RPCKind, call: UInt64 = 0, payload count: Int) -> [UInt8] {
        var buffer = ByteBuffer()
        RPCFrame(RPCHeader(kind, payloadCount: 0, call: call), payload: ByteBuffer(repeating: 7, count: count)).write(to: &buffer)
        return Array(buffer.readableBytesView)
    }

    @Test("S14: frames are the same whether they come at once, byte by byte or in random pieces", arguments: 1...20 as ClosedRange<UInt64>)
    func drip(seed: UInt64) {
        var random = Seeded(seed)
        let bytes = RPCVectors.all.frames.shuffled(using: &random).flatMap { $0.bytes.bytes } + frame(.request, call: 5, payload: 3000)
        let whole = run(bytes) { bytes.count }
        #expect(whole.count == RPCVectors.all.frames.count + 2)
        #expect(run(bytes) { 1 } == whole)
        #expect(run(bytes) { Int.random(in: 1...200, using: &random) } == whole)
    }

    @Test("A REQUEST or REPLY over maxFrame is told once and read away; what follows is read", arguments: [RPCKind.request, .reply])
    func tooLarge(kind: RPCKind) {
        let bytes = frame(kind, call: 9, payload: 5000) + frame(.ping, call: 1, payload: 3)
        for pieces in [1, 33, 5000, 100_000] {
            #expect(run(bytes, maxFrame: 4096) { pieces } == ["too large \(kind.rawValue) 9", "frame 4 1 35 7", "waits with 0"])
        }
        #expect(run(frame(kind, payload: 4096 - 32), maxFrame: 4096) { 64 }.first?.hasPrefix("frame") == true)
    }

    @Test("Any other frame over maxFrame, and any over 16 MiB, ends the link, before anything is kept for it")
    func limits() {
        #expect(run(Array(frame(.cancel, payload: 5000).prefix(32)), maxFrame: 4096) { 8 } == ["protocol"])
        #expect(run(Array(frame(.request, payload: RPCHeader.largestFrame - 31).prefix(4))) { 1 } == ["protocol"])
        #expect(run(Array(frame(.request, payload: RPCHeader.largestFrame - 32).prefix(32))) { 1 } == ["too large 16 0", "waits with 0"])
    }

    @Test("A HELLO has a limit of its own: 32 KiB, from its length, whatever maxFrame is")
    func hello() {
        #expect(run(Array(frame(.hello, payload: Handshake.maxHello + 1).prefix(32))) { 8 } == ["protocol"])
        #expect(run(frame(.hello, payload: Handshake.maxHello), maxFrame: 4096) { 9000 }.first?.hasPrefix("frame 1") == true)
    }

    @Test("S15: whatever the bytes, nothing outside them is read and every frame lies within them", arguments: 1...200 as ClosedRange<UInt64>)
    func mutations(seed: UInt64) {
        var random = Seeded(seed)
        var bytes = RPCVectors.all.frames.flatMap { $0.bytes.bytes }
        for _ in 0..<Int.random(in: 1...12, using: &random) {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
        }
        let events = run(bytes) { Int.random(in: 1...300, using: &random) }
        #expect(!events.isEmpty)
        for kind in RPCKind.allCases {
            let body = ByteBuffer(bytes: bytes.suffix(Int.random(in: 0...60, using: &random)))
            switch kind {
            case .hello: _ = try? Hello(body: body, format: .standard)
            case .welcome: _ = try? Welcome(body: body, format: .standard)
            case .peers: _ = try? Peers(body: body, format: .standard)
            case .request: _ = try? ProtoRequest(payload: body)
            case .reply: _ = try? ProtoReply(payload: body)
            case .reject, .undelivered: _ = try? Reject(body: body, format: .standard)
            default: break
            }
        }
    }
}
