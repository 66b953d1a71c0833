import NIOCore
import TestSupport
import Wire

extension Seeded {
    /// A header whose length fits `format`, with the extremes more often than chance would have them.
    mutating func header(for format: WireFormat) -> PacketHeader {
        func pick<T: FixedWidthInteger & UnsignedInteger>(_: T.Type, _ generator: inout Seeded) -> T {
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: 0
            case 1: .max
            default: .random(in: .min ... .max, using: &generator)
            }
        }
        let length =
            switch Int.random(in: 0..<8, using: &self) {
            case 0: PacketHeader.size
            case 1: format.maxPacket
            default: Int.random(in: PacketHeader.size...format.maxPacket, using: &self)
            }
        return PacketHeader(
            length: length, type: pick(UInt16.self, &self), user: pick(UInt64.self, &self), token: pick(UInt32.self, &self),
            es: pick(UInt32.self, &self), session: pick(UInt64.self, &self))
    }
}
