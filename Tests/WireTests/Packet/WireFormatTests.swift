import NIOCore
import TestSupport
import Testing
import Wire

/// The four settings of `wire`: old fleets differ in byte order and in what `Pack_len` counts.
@Suite("Wire formats")
struct WireFormatTests {
    private static let packet = Packet(type: 7, user: 1001, token: 77, es: 3, session: 5, body: ByteBuffer(string: "hello"))

    @Test("the golden packet in each setting, both ways", arguments: 0..<4)
    func golden(_ index: Int) throws {
        try #require(Vectors.all.wires.cases.count == 4)
        let entry = Vectors.all.wires.cases[index]
        let order = try #require(WireFormat.ByteOrder(rawValue: entry.wire.byteOrder))
        let length = try #require(WireFormat.Length(rawValue: entry.wire.length))
        let format = WireFormat(byteOrder: order, length: length)
        #expect(format.byteOrder == order)
        #expect(format.length == length)
        var bytes = ByteBuffer(hex: entry.hex)
        #expect(Self.packet.encoded(format) == bytes)
        #expect(try Packet(from: &bytes, format: format) == Self.packet)
        #expect(bytes.readableBytes == 0)
    }

    @Test("the file has all four settings")
    func complete() {
        let seen = Set(Vectors.all.wires.cases.map { "\($0.wire.byteOrder) \($0.wire.length)" })
        #expect(seen == ["big packet", "big body", "little packet", "little body"])
        #expect(WireFormat.standard == WireFormat(byteOrder: .big, length: .packet))
        #expect(Set(WireFormat.all).count == 4)
    }

    @Test("a random header goes there and back, byte for byte as the table says", arguments: WireFormat.all)
    func roundTrip(_ format: WireFormat) {
        var random = Seeded(1)
        for _ in 0..<2_000 {
            let header = random.header(for: format)
            let bytes = header.encoded(format)
            #expect(bytes.bytes == reference(header, format))
            #expect(PacketHeader(bytes: bytes, format: format) == header)
        }
    }

    @Test("the largest packet of each setting", arguments: WireFormat.all)
    func largest(_ format: WireFormat) throws {
        #expect(format.maxPacket == (format.length == .packet ? 65_535 : 65_563))
        let packet = Packet(type: 1, body: ByteBuffer(repeating: 7, count: format.maxPacket - PacketHeader.size))
        var bytes = packet.encoded(format)
        #expect(try Packet(from: &bytes, format: format) == packet)
        #expect(bytes.readableBytes == 0)
    }

    @Test("with `length: body` every length is a packet: no length is malformed")
    func bodyLengthZero() throws {
        for format in WireFormat.all where format.length == .body {
            var bytes = ByteBuffer(repeating: 0, count: PacketHeader.size)
            #expect(try Packet(from: &bytes, format: format) == Packet(type: 0))
        }
    }

    /// The header as the protocol's table spells it, written one byte at a time.
    private func reference(_ header: PacketHeader, _ format: WireFormat) -> [UInt8] {
        let counted = UInt64(format.length == .packet ? header.length : header.length - 28)
        let fields: [(value: UInt64, size: Int)] = [
            (counted, 2), (UInt64(header.type), 2), (header.user, 8), (UInt64(header.token), 4), (UInt64(header.es), 4), (header.session, 8),
        ]
        return fields.flatMap { field in
            let big = (0..<field.size).map { UInt8(truncatingIfNeeded: field.value >> (8 * (field.size - 1 - $0))) }
            return format.byteOrder == .big ? big : big.reversed()
        }
    }
}
