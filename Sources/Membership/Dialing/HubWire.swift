package import Links
package import NIOCore
package import Telemetry
package import Wire

/// How the words of membership stand on one of the two wires. Their bodies are the same on both (protocol sections 2 and 3).
package protocol HubWire: Sendable {
    /// Bytes to wait for before a frame's length is known.
    var headerSize: Int { get }
    /// The frame at the front of `bytes`; used until WELCOME only.
    func frame(at bytes: UnsafeRawBufferPointer) -> HubFrame
    /// Queues one control frame.
    func append(_ kind: ControlType, body: ByteBuffer, to link: Link)
    /// How a capture is to read such a link.
    var framing: Framing { get }
}

/// What stands at the front of a link's input.
package enum HubFrame: Equatable {
    /// A whole frame: what it is (nil: nothing that membership knows), where its body lies, and how long it is altogether.
    case frame(ControlType?, body: Range<Int>, count: Int)
    /// It is not complete: that many bytes are needed.
    case needs(Int)
    /// It cannot be one; why, as part of a sentence.
    case malformed(String)
}

extension HubWire {
    package var framing: Framing { .packets(.standard) }

    package func append(_ body: some ControlBody, to link: Link) {
        var bytes = ByteBuffer()
        body.write(to: &bytes, format: .standard)
        append(type(of: body).controlType, body: bytes, to: link)
    }
}

/// Membership on packet links: control packets in the standard format, header fields 0.
package struct PacketHubWire: HubWire {
    package init() {}

    package var headerSize: Int { PacketHeader.size }

    package func frame(at bytes: UnsafeRawBufferPointer) -> HubFrame {
        guard bytes.count >= 2, let base = bytes.baseAddress else { return .needs(PacketHeader.size) }
        let length = PacketHeader.length(at: base, format: .standard)
        guard length >= PacketHeader.size else { return .malformed("Pack_len gives a packet of \(length) bytes, the least is \(PacketHeader.size)") }
        guard bytes.count >= length else { return .needs(length) }
        let header = PacketHeader(at: base, format: .standard)
        return .frame(ControlType(rawValue: header.type), body: PacketHeader.size..<length, count: length)
    }

    package func append(_ kind: ControlType, body: ByteBuffer, to link: Link) {
        let header = PacketHeader(bodyCount: body.readableBytes, type: kind.rawValue)
        body.withUnsafeReadableBytes { bytes in
            link.append(header.length) { target in
                header.store(to: target, format: .standard)
                if let start = bytes.baseAddress { (target + PacketHeader.size).copyMemory(from: start, byteCount: bytes.count) }
            }
        }
    }
}
