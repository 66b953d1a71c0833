import NIOCore

/// Blocks of the pcapng format, in little-endian order: a section header, one interface of raw IP packets, and packets.
///
/// | block                | type       | body                                                              |
/// |----------------------|------------|-------------------------------------------------------------------|
/// | section header       | 0x0A0D0D0A | 0x1A2B3C4D, version 1.0, length unknown                           |
/// | interface            | 1          | link type 101 (raw IP), no snap length; times are microseconds    |
/// | enhanced packet      | 6          | interface 0, time (high, low), captured and real length, bytes    |
enum PcapNG {
    static func header() -> ByteBuffer {
        var buffer = ByteBuffer()
        block(0x0A0D_0D0A, into: &buffer) { body in
            body.writeInteger(0x1A2B_3C4D, endianness: .little, as: UInt32.self)
            body.writeInteger(1, endianness: .little, as: UInt16.self)
            body.writeInteger(0, endianness: .little, as: UInt16.self)
            body.writeInteger(.max, endianness: .little, as: UInt64.self)
        }
        block(1, into: &buffer) { body in
            body.writeInteger(101, endianness: .little, as: UInt16.self)
            body.writeInteger(0, endianness: .little, as: UInt16.self)
            body.writeInteger(0, endianness: .little, as: UInt32.self)
        }
        return buffer
    }

    static func packet(_ segment: Segment, payload: UnsafeRawBufferPointer, microseconds: UInt64) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(payload.count + 128)
        block(6, into: &buffer) { body in
            let count = UInt32(segment.headerSize + payload.count)
            body.writeInteger(0, endianness: .little, as: UInt32.self)
            body.writeInteger(UInt32(truncatingIfNeeded: microseconds >> 32), endianness: .little)
            body.writeInteger(UInt32(truncatingIfNeeded: microseconds), endianness: .little)
            body.writeInteger(count, endianness: .little)
            body.writeInteger(count, endianness: .little)
            segment.writeHeaders(to: &body, payload: payload.count)
            body.writeBytes(payload)
            body.writeRepeatingByte(0, count: (4 - Int(count) % 4) % 4)
        }
        return buffer
    }

    /// Type, length of the whole, body, length again.
    private static func block(_ type: UInt32, into buffer: inout ByteBuffer, _ fill: (inout ByteBuffer) -> Void) {
        let start = buffer.writerIndex
        buffer.writeInteger(type, endianness: .little)
        buffer.writeInteger(0, endianness: .little, as: UInt32.self)
        fill(&buffer)
        let length = UInt32(buffer.writerIndex - start + 4)
        buffer.writeInteger(length, endianness: .little)
        buffer.setInteger(length, at: start + 4, endianness: .little)
    }
}
