import NIOCore
import TestSupport
import Testing

@testable import Links

/// What waits to be written on one link.
@Suite("Outbound")
struct OutboundTests {
    @Test("S2, S5: blocks leave in order, none over 256 KiB, and every byte is counted until it is taken", arguments: 1...8)
    func order(seed: UInt64) {
        var random = Seeded(seed)
        var pool = BlockPool()
        var outbound = Outbound()
        var queued: [UInt8] = []
        var taken: [UInt8] = []
        var shorts = 0
        for step in 0..<120 {
            if Int.random(in: 0..<(step < 60 ? 4 : 2), using: &random) > 0 {
                let frame = random.bytes(Int.random(in: 1...(Bool.random(using: &random) ? 100 : 65_563), using: &random))
                outbound.append(frame.count, pool: &pool) { target in
                    frame.withUnsafeBytes { target.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
                }
                queued += frame
            } else if Bool.random(using: &random), let block = outbound.short {
                // The socket took it whole at the first attempt.
                shorts += 1
                taken += block
                outbound.finishShort(pool: &pool)
                #expect(outbound.bytes == 0 && outbound.blockSize == 0)
            } else if outbound.writing == nil, outbound.startBlock(), let block = outbound.writing {
                #expect(block.readableBytes <= BlockPool.largest && block.readableBytes > 0)
                #expect(outbound.inSocketBlock == block.readableBytes)
            } else if let block = outbound.writing {
                taken += block.readableBytesView
                #expect(outbound.finishBlock(pool: &pool) == block.readableBytes)
                #expect(outbound.writing == nil && outbound.inSocketBlock == 0)
            }
            #expect(outbound.bytes == queued.count - taken.count)
        }
        if let block = outbound.writing {
            taken += block.readableBytesView
            _ = outbound.finishBlock(pool: &pool)
        }
        while outbound.startBlock(), let block = outbound.writing {
            taken += block.readableBytesView
            _ = outbound.finishBlock(pool: &pool)
        }
        // Compared outside of the expectation, which would spell out megabytes of difference.
        let isSame = taken == queued
        #expect(isSame && shorts > 0)
        #expect(outbound.bytes == 0 && outbound.short == nil && !outbound.startBlock())
    }

    @Test("an idle link holds no block; a burst's block size is remembered, and forgotten when bursts are small again", arguments: [true, false])
    func sizes(isShort: Bool) {
        var pool = BlockPool()
        var outbound = Outbound()
        func burst(_ count: Int) -> Int {
            for _ in 0..<count {
                outbound.append(100, pool: &pool) { $0.initializeMemory(as: UInt8.self, repeating: 1, count: 100) }
            }
            let capacity = outbound.blockSize
            if isShort {
                #expect(outbound.short?.count == count * 100)
                outbound.finishShort(pool: &pool)
            } else {
                #expect(outbound.startBlock() && outbound.writing?.capacity == capacity)
                _ = outbound.finishBlock(pool: &pool)
            }
            #expect(outbound.blockSize == 0 && outbound.bytes == 0)
            return capacity
        }
        #expect(burst(1) == 4_096)
        #expect(burst(1_000) == 131_072)
        _ = burst(1)
        _ = burst(1)
        #expect(burst(1) == 4_096)
    }
}
