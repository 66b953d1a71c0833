import Histogram
import NIOCore
import Testing
import Wire

@testable import Bench

@Suite struct LoadConnectionTests {
    private var connection = LoadConnection(codec: PacketBenchCodec(type: 7, size: 16, connection: 3), index: 3)
    private var ledger = Ledger(countFrom: 100, countTo: 1_000)
    private var output = ByteBuffer()

    /// Gives `packets` to the connection as one read.
    private mutating func hear(_ packets: [Packet], at now: UInt64) -> (taken: Int, fault: LoadFault?) {
        var buffer = ByteBuffer()
        for packet in packets { packet.write(to: &buffer) }
        return hear(buffer, at: now)
    }

    private mutating func hear(_ buffer: ByteBuffer, at now: UInt64) -> (taken: Int, fault: LoadFault?) {
        buffer.withUnsafeReadableBytes { connection.receive($0, at: now, start: 100, ledger: &ledger, output: &output) }
    }

    /// Fills the window and takes what was written as packets.
    private mutating func requests(_ count: Int, at now: UInt64) throws -> [Packet] {
        var wire = ByteBuffer()
        connection.fill(window: count, at: now, ledger: &ledger, output: &wire)
        var packets: [Packet] = []
        while let packet = try Packet(from: &wire) { packets.append(packet) }
        return packets
    }

    @Test mutating func `a request carries its time, its connection and its sequence`() throws {
        let packets = try requests(2, at: 0x0102)
        #expect(packets.map(\.header.type) == [7, 7])
        #expect(
            packets.map { Array($0.body.readableBytesView) } == [
                [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 3, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 3, 0, 0, 0, 2],
            ])
    }

    @Test mutating func `an answer makes room for the next request`() throws {
        let packets = try requests(4, at: 200)
        #expect(connection.open == 4)
        #expect(hear(Array(packets.prefix(3)), at: 250).fault == nil)
        #expect(connection.open == 1)
        #expect(try requests(4, at: 260).count == 3)
        #expect((ledger.sent, ledger.received, ledger.outstanding) == (7, 3, 4))
        #expect(ledger.latency.count(within: 50...50) == 3)
    }

    @Test mutating func `answers are understood however they are cut`() throws {
        let packets = try requests(3, at: 200)
        var whole = ByteBuffer()
        for packet in packets { packet.write(to: &whole) }
        var pending = ByteBuffer()
        while let byte = whole.readInteger(as: UInt8.self) {
            pending.writeInteger(byte)
            let (taken, fault) = hear(pending, at: 300)
            #expect(fault == nil)
            pending.moveReaderIndex(forwardBy: taken)
        }
        #expect(ledger.received == 3)
        #expect(pending.readableBytes == 0)
    }

    @Test mutating func `a request of the warm-up is not counted, its answer neither`() throws {
        ledger = Ledger(countFrom: 500, countTo: 1_000)
        let early = try requests(2, at: 300)
        _ = hear(early, at: 600)
        #expect((ledger.sent, ledger.received, ledger.arrived, ledger.outstanding) == (0, 0, 2, 0))
        _ = hear(try requests(2, at: 700), at: 1_500)
        #expect((ledger.sent, ledger.received, ledger.arrived) == (2, 2, 2))
    }

    @Test mutating func `UNDELIVERED settles the request that it quotes`() throws {
        let packets = try requests(2, at: 200)
        let undelivered = packets.map { packet in
            Packet(Undelivered(code: Code.noPeer.rawValue, lost: packet.header, quote: Array(packet.body.readableBytesView), reason: "noPeer"))
        }
        _ = hear(undelivered, at: 220)
        #expect(ledger.undelivered == [Code.noPeer.rawValue: 2])
        #expect((ledger.received, ledger.outstanding, connection.open) == (0, 0, 0))
    }

    @Test mutating func `a REJECT ends the connection`() {
        let (_, fault) = hear([Packet(Reject(.rateLimited))], at: 200)
        #expect(fault == .rejected(Code.rateLimited.rawValue))
        #expect(fault?.description == "rejected: rateLimited")
        #expect(ledger.rejected == [Code.rateLimited.rawValue: 1])
    }

    @Test mutating func `PING is answered with the same bytes`() throws {
        _ = hear([Packet(type: ControlType.ping.rawValue, session: 5, body: ByteBuffer(string: "tick"))], at: 200)
        let pong = try #require(try Packet(from: &output))
        #expect(pong == Packet(type: ControlType.pong.rawValue, session: 5, body: ByteBuffer(string: "tick")))
        #expect(ledger.outstanding == 0)
    }

    @Test mutating func `packets that answer nothing of this connection are ignored`() throws {
        var other = try requests(1, at: 200)[0]
        other.body.setInteger(UInt32(9), at: other.body.readerIndex + 8)
        let future = Packet(type: 7, body: ByteBuffer(repeating: 0x7F, count: 16))
        _ = hear([other, future, Packet(type: 7, body: ByteBuffer(string: "ok")), Packet(type: 8)], at: 300)
        #expect((ledger.ignored, ledger.received, connection.open) == (4, 0, 1))
    }

    @Test mutating func `an answer that comes twice or after a later one is told`() throws {
        let packets = try requests(3, at: 200)
        _ = hear([packets[0], packets[2], packets[1], packets[2]], at: 300)
        #expect(ledger.outOfOrder == 2)
        #expect(connection.open == 0)
    }

    @Test mutating func `an impossible length ends the connection`() {
        let (taken, fault) = hear(ByteBuffer(repeating: 0, count: 28), at: 200)
        #expect(taken == 0)
        #expect(fault == .badLength(0))
    }

    @Test mutating func `bodies too small for a sequence are matched by their time`() throws {
        connection = LoadConnection(codec: PacketBenchCodec(type: 7, size: 8, connection: 3), index: 3)
        _ = hear(try requests(3, at: 200), at: 300)
        #expect((ledger.received, ledger.outOfOrder) == (3, 0))
    }
}
