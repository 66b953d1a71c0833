/// Cuts the bytes of a link into frames and holds the link's limits, before anything is kept for a length (rule S15).
///
/// A REQUEST or REPLY over ``maxFrame`` but within 16 MiB is reported once and then read away unbuffered; any other length over its limit, or
/// below a header's, ends the link with code 14 (protocol section 3). Pure.
package struct RPCFraming {
    /// What stands at the front of the bytes.
    package enum Step: Equatable {
        /// A whole frame; its payload follows the 32 header bytes.
        case frame(RPCHeader)
        /// The header of a call that is too large; its bytes are read away from here on.
        case tooLarge(RPCHeader)
        /// That many bytes belong to a frame that is read away.
        case discard(Int)
        /// The frame needs that many bytes in all, as far as is known.
        case incomplete(needed: Int)
        /// The stream cannot be understood any more.
        case malformed(WireError)
    }

    /// The largest frame that this link carries.
    package var maxFrame: Int
    /// Bytes still to come of a frame that is read away.
    package private(set) var discarding = 0

    package init(maxFrame: Int) { self.maxFrame = maxFrame }

    /// Looks at `bytes`, which begin where the last step ended. A frame's step ends behind the frame, ``Step/tooLarge(_:)`` behind nothing.
    @inlinable
    package mutating func step(_ bytes: UnsafeRawBufferPointer) -> Step {
        guard let base = bytes.baseAddress, bytes.count >= 4, discarding == 0 else { return partStep(bytes) }
        let length = RPCHeader.length(at: base)
        guard length >= RPCHeader.size, length <= maxFrame, bytes.count >= length else { return partStep(bytes) }
        let header = RPCHeader(at: base)
        guard header.kind != RPCKind.hello.rawValue else { return partStep(bytes) }
        return .frame(header)
    }

    /// Everything but a whole frame within the limit.
    @usableFromInline
    mutating func partStep(_ bytes: UnsafeRawBufferPointer) -> Step {
        if discarding > 0 {
            let count = min(discarding, bytes.count)
            discarding -= count
            return count > 0 ? .discard(count) : .incomplete(needed: 1)
        }
        guard let base = bytes.baseAddress, bytes.count >= 4 else { return .incomplete(needed: RPCHeader.size) }
        let length = RPCHeader.length(at: base)
        guard (RPCHeader.size...RPCHeader.largestFrame).contains(length) else {
            return .malformed(.badFrameLength(length, maxFrame: maxFrame))
        }
        guard bytes.count >= RPCHeader.size else { return .incomplete(needed: RPCHeader.size) }
        let header = RPCHeader(at: base)
        if length > limit(of: header.kind) {
            guard let kind = RPCKind(rawValue: header.kind), kind.isCall else {
                return .malformed(.badFrameLength(length, maxFrame: limit(of: header.kind)))
            }
            discarding = length
            return .tooLarge(header)
        }
        return bytes.count >= length ? .frame(header) : .incomplete(needed: length)
    }

    /// A HELLO has a limit of its own, and it may come before the link's is known.
    private func limit(of kind: UInt8) -> Int {
        kind == RPCKind.hello.rawValue ? RPCHeader.size + Handshake.maxHello : maxFrame
    }
}
