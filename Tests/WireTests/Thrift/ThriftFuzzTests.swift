import NIOCore
import TestSupport
import Testing
import Wire

/// Messages with bytes changed, cut out and put in: whatever they have become, they are told alike however they come.
@Suite("Thrift fuzz")
struct ThriftFuzzTests {
    @Test("S15: mutated messages never read past their end, and read alike whole and in pieces", arguments: 0..<8)
    func mutations(_ seed: Int) {
        var random = Seeded(UInt64(seed) &+ 0x7417)
        for golden in GoldenThrift.all {
            for _ in 0..<40 {
                let bytes = mutate(golden.bytes, &random)
                var whole = ThriftReader(limit: 4096)
                let result = whole.look(bytes)
                var pieces = ThriftReader(limit: 4096)
                var piecewise = Look.incomplete
                var count = 0
                while piecewise == .incomplete, count < bytes.count {
                    count = min(count + Int.random(in: 1...16, using: &random), bytes.count)
                    piecewise = pieces.look(bytes.prefix(count))
                }
                #expect(piecewise.sameEnd(as: result), "\(golden.testDescription): \(piecewise) in pieces, \(result) at once")
                if case .message(let head) = result { use(head, bytes) }
            }
        }
    }

    /// Everything that looks into a body, on a body that may be anything.
    private func use(_ head: ThriftHead, _ bytes: [UInt8]) {
        #expect(head.count <= bytes.count && head.name.upperBound <= head.body.lowerBound)
        let encoding = head.form.protocol.encoding
        let buffer = ByteBuffer(bytes: bytes)
        _ = try? ThriftBody.arguments(buffer, body: head.body, encoding: encoding)
        _ = try? ThriftBody.result(buffer, body: head.body, encoding: encoding)
        _ = try? ThriftBody.exception(buffer, body: head.body, encoding: encoding)
        bytes.withUnsafeBytes { raw in
            _ = ThriftBody.shardingID(raw, body: head.body, encoding: encoding)
            var other = ByteBuffer()
            let target: ThriftEncoding = encoding == .binary ? .compact : .binary
            guard (try? ThriftConverter.convert(raw, body: head.body, from: encoding, to: target, into: &other)) != nil else { return }
            // What could be converted is in order, so it can be converted back; after that it stays the same.
            var back = ByteBuffer()
            var again = ByteBuffer()
            #expect(throws: Never.self) {
                try other.withUnsafeReadableBytes {
                    try ThriftConverter.convert($0, body: 0..<$0.count, from: target, to: encoding, into: &back)
                }
                try back.withUnsafeReadableBytes {
                    try ThriftConverter.convert($0, body: 0..<$0.count, from: encoding, to: target, into: &again)
                }
            }
            #expect(again == other)
        }
    }

    private func mutate(_ bytes: [UInt8], _ random: inout Seeded) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[index] = [0, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
            case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.removeSubrange(index..<min(index + Int.random(in: 1...8, using: &random), bytes.count))
            case 3: bytes.insert(contentsOf: random.bytes(Int.random(in: 1...8, using: &random)), at: index)
            default: bytes = Array(bytes.prefix(index))
            }
        }
        return bytes
    }
}

extension Look {
    /// In pieces a fault may be seen earlier, so that its words differ; a message is the same one.
    fileprivate func sameEnd(as other: Look) -> Bool { self == other || (isMalformed && other.isMalformed) }
}
