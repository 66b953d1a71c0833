import NIOCore
import TestSupport
import Testing

@testable import Links

/// Frames, however the network cuts them.
@Suite("Inbound")
struct InboundTests {
    private let contents: [[UInt8]]
    private let stream: [UInt8]

    init() {
        var random = Seeded(15)
        contents = [0, 1, 3, 28, 100, 0, 5_000, 7].map { random.bytes($0) }
        stream = contents.flatMap(RecordingOwner.frame)
    }

    @Test("S15: a stream cut at any byte is the same frames")
    func everyCut() throws {
        for cut in 0...stream.count {
            let rig = try EmbeddedLink()
            try rig.receive(Array(stream[..<cut]))
            try rig.receive(Array(stream[cut...]))
            let isSame = rig.owner.frames == contents
            #expect(isSame, "cut at \(cut)")
        }
    }

    @Test("S15: a stream that comes byte by byte is the same frames, each as soon as it is whole")
    func drip() throws {
        let rig = try EmbeddedLink()
        var sent = 0
        var whole = 0
        for content in contents {
            for byte in RecordingOwner.frame(content) {
                #expect(rig.owner.frames.count == whole)
                try rig.receive([byte])
                sent += 1
            }
            whole += 1
            #expect(rig.owner.frames.count == whole)
        }
        let isSame = rig.owner.frames == contents
        #expect(sent == stream.count && isSame)
    }

    @Test("S15: random cuts are the same frames", arguments: 1...20)
    func randomCuts(seed: UInt64) throws {
        var random = Seeded(seed)
        let contents = (0..<300).map { _ in random.bytes(Int.random(in: 0...(Bool.random(using: &random) ? 40 : 3_000), using: &random)) }
        let stream = contents.flatMap(RecordingOwner.frame)
        let rig = try EmbeddedLink()
        var rest = stream[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...(Bool.random(using: &random) ? 10 : 9_000), using: &random))
            try rig.receive(Array(piece))
            rest = rest.dropFirst(piece.count)
        }
        let isSame = rig.owner.frames == contents
        #expect(isSame)
    }

    @Test("S15: a buffer grows with the bytes received, never with the claim")
    func growth() {
        var pool = BlockPool()
        var inbound = Inbound()
        var received = 0
        func feed(_ count: Int) {
            let bytes = [UInt8](repeating: 1, count: count)
            bytes.withUnsafeBytes { inbound.keep($0[...], needed: 1 << 30, pool: &pool) }
            received += count
        }
        feed(5)
        #expect(inbound.frame.capacity <= 4_096)
        while received < 300_000 {
            feed(received < 5_000 ? 100 : 4_000)
            #expect(inbound.frame.readableBytes == received)
            #expect(inbound.frame.capacity <= max(4_096, 8 * received), "after \(received) bytes")
        }
        #expect(!inbound.isEmpty)
    }

    @Test("S15: the block of a frame goes back to the pool when the frame is whole")
    func returned() {
        var pool = BlockPool()
        var inbound = Inbound()
        var storage: Set<UInt> = []
        for _ in 0..<50 {
            [UInt8](repeating: 1, count: 100).withUnsafeBytes { inbound.keep($0[...], needed: 200, pool: &pool) }
            storage.insert(inbound.frame.withVeryUnsafeBytes { UInt(bitPattern: $0.baseAddress) })
            [UInt8](repeating: 2, count: 150).withUnsafeBytes { bytes in
                var rest = bytes[...]
                #expect(inbound.complete(from: &rest, pool: &pool))
                #expect(rest.count == 50)
            }
            #expect(inbound.frame.readableBytes == 200)
            inbound.consumed(Consumed(bytes: 200, needed: 4), pool: &pool)
            #expect(inbound.isEmpty)
        }
        #expect(storage.count == 1)
    }

    @Test("S15: what is known to be needed is taken off a read, and no byte more")
    func complete() {
        var pool = BlockPool()
        var inbound = Inbound()
        [UInt8]([9, 9]).withUnsafeBytes { inbound.keep($0[...], needed: 4, pool: &pool) }
        [UInt8]([1]).withUnsafeBytes { bytes in
            var rest = bytes[...]
            #expect(!inbound.complete(from: &rest, pool: &pool) && rest.isEmpty)
        }
        [UInt8]([2, 3, 4]).withUnsafeBytes { bytes in
            var rest = bytes[...]
            #expect(inbound.complete(from: &rest, pool: &pool))
            #expect(Array(rest) == [3, 4])
        }
        #expect(Array(inbound.frame.readableBytesView) == [9, 9, 1, 2])
    }
}
