public import NIOCore

/// What a hub can reach for the receiver, replacing the last list (protocol section 2).
///
/// | offset | size  | field                                        |
/// |--------|-------|----------------------------------------------|
/// | 0      | 2     | `n`; 0xFFFF: too many to list, assume all    |
/// | 2      | n x 8 | lo u32, hi u32                               |
public enum Peers: ControlBody {
    public static let controlType = ControlType.peers
    /// The most ranges that are listed one by one.
    public static let maxRanges = 4096

    /// More than can be listed; assume that it reaches all.
    case everything
    /// Exactly these: packet types or RPC ids to the one side, ES ids to the other.
    case ranges([Claim])

    public init(body: ByteBuffer, format: WireFormat) throws(WireError) {
        var body = body
        let count: UInt16 = try body.take("PEERS count")
        if count == 0xFFFF {
            self = .everything
            return
        }
        guard body.readableBytes >= Int(count) * 8 else { throw .short("PEERS ranges") }
        var ranges: [Claim] = []
        ranges.reserveCapacity(Int(count))
        for _ in 0..<count { ranges.append(Claim(try body.take("PEERS range"), try body.take("PEERS range"))) }
        self = .ranges(ranges)
    }

    public func write(to buffer: inout ByteBuffer, format: WireFormat) {
        switch self {
        case .ranges(let ranges) where ranges.count <= Peers.maxRanges:
            buffer.writeInteger(UInt16(ranges.count))
            for range in ranges { buffer.writeMultipleIntegers(range.lo, range.hi) }
        case .everything, .ranges:
            buffer.writeInteger(UInt16.max)
        }
    }
}
