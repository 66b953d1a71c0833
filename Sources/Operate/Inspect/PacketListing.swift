import NIOCore
package import Wire

/// Bytes of a link taken apart into packets, or RPC frames: a readable block for each, and what is wrong where the bytes stop making sense.
package struct PacketListing: Sendable, Hashable {
    /// One block of lines for each whole packet, in order.
    package private(set) var blocks: [String] = []
    /// Why the bytes behind the last block are no packet, as one clear line; nil when every byte was read.
    package private(set) var fault: String?

    /// - Parameter format: how headers read on the link that the bytes come from.
    package init(of bytes: [UInt8], format: WireFormat) {
        var rest = ByteBuffer(bytes: bytes)
        if bytes.isEmpty { fault = "no bytes: nothing to decode" }
        if PacketListing.looksLikeRPC(bytes, format: format) {
            listFrames(&rest)
            return
        }
        while rest.readableBytes > 0 {
            let place = "packet \(blocks.count + 1) at byte \(rest.readerIndex)"
            do throws(WireError) {
                guard let packet = try Packet(from: &rest, format: format) else {
                    fault = "\(place) is incomplete: \(PacketListing.shortage(of: rest, format: format))"
                    return
                }
                let description = PacketDescription(packet, format: format)
                blocks.append("\(place), \(packet.header.length) bytes\n\(description.text)")
                if let bodyFault = description.fault {
                    fault = "\(place): \(bodyFault)"
                    return
                }
            } catch {
                fault = "\(place): \(error.description); are the byte order and the length option right?"
                return
            }
        }
    }

    /// A standard packet begins with its length, which is never below a header's; a frame's length has four bytes, the upper two small.
    private static func looksLikeRPC(_ bytes: [UInt8], format: WireFormat) -> Bool {
        guard format == .standard, bytes.count >= 5, RPCKind(rawValue: bytes[4]) != nil else { return false }
        return Int(bytes[0]) << 8 | Int(bytes[1]) < PacketHeader.size
    }

    private mutating func listFrames(_ rest: inout ByteBuffer) {
        while rest.readableBytes > 0 {
            let place = "frame \(blocks.count + 1) at byte \(rest.readerIndex)"
            do throws(WireError) {
                guard let frame = try RPCFrame(from: &rest) else {
                    let length = rest.getInteger(at: rest.readerIndex, as: UInt32.self).map { "its length says \($0) bytes, " } ?? ""
                    fault = "\(place) is incomplete: \(length)\(rest.readableBytes) are there"
                    return
                }
                let description = PacketDescription(frame)
                blocks.append("\(place), \(frame.header.length) bytes\n\(description.text)")
                if let bodyFault = description.fault {
                    fault = "\(place): \(bodyFault)"
                    return
                }
            } catch {
                fault = "\(place): \(error.description)"
                return
            }
        }
    }

    private static func shortage(of rest: ByteBuffer, format: WireFormat) -> String {
        let length = rest.withUnsafeReadableBytes { bytes in
            bytes.count >= 2 ? bytes.baseAddress.map { PacketHeader.length(at: $0, format: format) } : nil
        }
        guard let length else { return "1 byte of a length" }
        return "its length says \(length) bytes, \(rest.readableBytes) are there"
    }
}
