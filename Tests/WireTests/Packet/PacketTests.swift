import NIOCore
import TestSupport
import Testing
import Wire

/// Packets off a stream: whole, in pieces, and from bytes that are no packets.
@Suite("Packets")
struct PacketTests {
    @Test("headers: sizes and classes of types")
    func header() {
        #expect(PacketHeader.size == 28)
        #expect(PacketHeader.maxBody == 65_507)
        #expect(PacketHeader.everyEdge == 0xFFFF_FFFF)
        #expect(!PacketHeader(bodyCount: 0, type: 0xFEFF).isControl)
        #expect(PacketHeader(bodyCount: 0, type: 0xFF00).isControl)
        #expect(PacketHeader(bodyCount: 0, type: 0xFFFF).isControl)
        #expect(PacketHeader(bodyCount: 5, type: 1).length == 33)
        #expect(PacketHeader(length: 33, type: 1).bodyCount == 5)
    }

    @Test("an incomplete packet takes nothing off the buffer", arguments: WireFormat.all)
    func incomplete(_ format: WireFormat) throws {
        let bytes = Packet(type: 7, session: 5, body: ByteBuffer(string: "hello")).encoded(format)
        for count in 0..<bytes.readableBytes {
            var start = bytes.prefix(count)
            #expect(try Packet(from: &start, format: format) == nil)
            #expect(start.readableBytes == count)
        }
    }

    @Test("a stream cut into pieces of any size gives the same packets", arguments: WireFormat.all)
    func pieces(_ format: WireFormat) throws {
        var random = Seeded(2)
        var stream = ByteBuffer()
        var sent: [Packet] = []
        for _ in 0..<200 {
            let body = ByteBuffer(bytes: random.bytes(.random(in: 0...90, using: &random)))
            let packet = Packet(type: .random(in: 0...0xFFFF, using: &random), user: random.next(), session: random.next(), body: body)
            packet.write(to: &stream, format: format)
            sent.append(packet)
        }
        for most in [1, 27, 28, 29, 500, stream.readableBytes] {
            var rest = stream
            var held = ByteBuffer()
            var received: [Packet] = []
            while var piece = rest.readSlice(length: min(rest.readableBytes, .random(in: 1...most, using: &random))), piece.readableBytes > 0 {
                held.writeBuffer(&piece)
                while let packet = try Packet(from: &held, format: format) { received.append(packet) }
            }
            #expect(received == sent, "pieces of at most \(most)")
            #expect(held.readableBytes == 0)
        }
    }

    @Test("S15: random bytes never trap the packet decoder", arguments: WireFormat.all)
    func randomBytes(_ format: WireFormat) {
        var random = Seeded(3)
        for _ in 0..<3_000 {
            var buffer = ByteBuffer(bytes: random.bytes(.random(in: 0...120, using: &random)))
            if Bool.random(using: &random), buffer.readableBytes > 2 { buffer.setInteger(UInt8(0), at: format.byteOrder == .big ? 0 : 1) }
            do {
                while let packet = try Packet(from: &buffer, format: format) {
                    #expect(packet.header.length == PacketHeader.size + packet.body.readableBytes)
                }
            } catch {
                #expect(error.code == .protocol)
                #expect(format.length == .packet)
            }
        }
    }

    @Test("S15: every length below the header's is refused, and the first above it is not")
    func lengths() throws {
        for format in WireFormat.all where format.length == .packet {
            for length in 0..<PacketHeader.size {
                var bytes = PacketHeader(length: length, type: 1).encoded(format)
                #expect(throwing(.protocol) { _ = try Packet(from: &bytes, format: format) })
            }
            var bytes = PacketHeader(length: 28, type: 1).encoded(format)
            #expect(try Packet(from: &bytes, format: format) == Packet(type: 1))
        }
    }
}
