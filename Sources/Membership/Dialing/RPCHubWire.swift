package import Links
package import NIOCore
package import Telemetry
package import Wire

/// Membership on the links of an RPC hub: the same bodies behind the frame's own header.
package struct RPCHubWire: HubWire {
    package init() {}

    package var framing: Framing { .rpc }
    package var headerSize: Int { RPCHeader.size }

    package func frame(at bytes: UnsafeRawBufferPointer) -> HubFrame {
        // Before WELCOME no frame of a call can come, so the largest is that of a HELLO.
        var framing = RPCFraming(maxFrame: RPCHeader.size + Handshake.maxHello)
        switch framing.step(bytes) {
        case .frame(let header): return .frame(ControlType(rpcKind: header.kind), body: RPCHeader.size..<header.length, count: header.length)
        case .incomplete(let needed): return .needs(needed)
        case .tooLarge(let header): return .malformed("it sent kind \(header.kind) of \(header.length) bytes")
        case .discard: return .malformed("it sent too much")
        case .malformed(let error): return .malformed(error.description)
        }
    }

    package func append(_ kind: ControlType, body: ByteBuffer, to link: Link) {
        let raw = UInt8(truncatingIfNeeded: kind.rawValue)
        guard let rpcKind = RPCKind(rawValue: raw) else { return }
        var header = RPCHeader(rpcKind, payloadCount: body.readableBytes)
        // REJECT's code stands in its header too.
        if rpcKind == .reject { header.code = body.getInteger(at: body.readerIndex) ?? 0 }
        body.withUnsafeReadableBytes { bytes in
            link.append(header.length) { target in
                header.store(to: target)
                if let start = bytes.baseAddress { (target + RPCHeader.size).copyMemory(from: start, byteCount: bytes.count) }
            }
        }
    }
}

extension ControlType {
    /// The word of membership that a frame's kind stands for; nil for calls, and for kinds that are not known.
    package init?(rpcKind: UInt8) { self.init(rawValue: PacketHeader.firstControlType + UInt16(rpcKind)) }
}
