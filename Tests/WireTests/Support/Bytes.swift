import NIOCore
import Wire

extension ByteBuffer {
    /// The bytes that `hex` spells; the test's own text, so anything else is a mistake in it.
    init(hex: String) {
        let digits = hex.compactMap(\.hexDigitValue)
        precondition(digits.count == hex.count && digits.count.isMultiple(of: 2), "not hex: \(hex)")
        self.init(bytes: stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) })
    }

    var bytes: [UInt8] { Array(readableBytesView) }

    /// The first `count` readable bytes.
    func prefix(_ count: Int) -> ByteBuffer { ByteBuffer(bytes: readableBytesView.prefix(count)) }
}

extension Packet {
    /// The packet's bytes on a link of `format`.
    func encoded(_ format: WireFormat = .standard) -> ByteBuffer {
        var buffer = ByteBuffer()
        write(to: &buffer, format: format)
        return buffer
    }
}

extension PacketHeader {
    /// The header's 28 bytes on a link of `format`.
    func encoded(_ format: WireFormat) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeHeader(self, format: format)
        return buffer
    }

    /// The header that the first 28 of `bytes` hold.
    init(bytes: ByteBuffer, format: WireFormat) {
        precondition(bytes.readableBytes >= PacketHeader.size)
        self = bytes.withUnsafeReadableBytes { PacketHeader(at: $0.baseAddress!, format: format) }
    }
}

extension ControlBody {
    /// The body's bytes on a link of `format`.
    func encoded(_ format: WireFormat = .standard) -> ByteBuffer {
        var buffer = ByteBuffer()
        write(to: &buffer, format: format)
        return buffer
    }
}

extension WireFormat {
    /// The four settings of `wire`.
    static let all = ByteOrder.allCases.flatMap { order in
        [WireFormat(byteOrder: order, length: .packet), WireFormat(byteOrder: order, length: .body)]
    }
}
