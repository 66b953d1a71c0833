import Foundation
import NIOCore
import Synchronization
import Telemetry

/// Writes what it hears as pcapng, in segments that read as the TCP stream that they were: Wireshark puts frames together again, whatever
/// the real segments were, and sees plain text on links with TLS.
final class CaptureTap: StreamTap {
    private let side: String?
    private let output: TapOutput
    /// Where each stream stands: the next sequence number of either direction.
    private let streams = Mutex<[UInt64: (in: UInt32, out: UInt32)]>([:])

    /// - Parameter side: only links of that side; nil: all.
    init(side: String?, output: TapOutput) {
        self.side = side
        self.output = output
        output.write(PcapNG.header())
    }

    func bytes(_ bytes: UnsafeRawBufferPointer, of link: TappedLink, _ direction: Direction) {
        if let side, side != link.side { return }
        let now = UInt64(Date.now.timeIntervalSince1970 * 1_000_000)
        let local = SegmentAddress(link.local, fallbackPort: 1)
        let remote = SegmentAddress(link.remote, fallbackPort: UInt16(truncatingIfNeeded: 1024 + link.id % 60000))
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Segment.maxPayload))
            rest = rest.dropFirst(piece.count)
            let (sequence, acknowledged) = advance(link.id, direction, by: piece.count)
            let segment = Segment(
                from: direction == .in ? remote : local, to: direction == .in ? local : remote, sequence: sequence, acknowledged: acknowledged)
            output.write(PcapNG.packet(segment, payload: piece, microseconds: now))
        }
    }

    private func advance(_ link: UInt64, _ direction: Direction, by count: Int) -> (UInt32, UInt32) {
        streams.withLock { streams in
            var stream = streams[link] ?? (1, 1)
            defer { streams[link] = stream }
            if direction == .in {
                defer { stream.in &+= UInt32(count) }
                return (stream.in, stream.out)
            }
            defer { stream.out &+= UInt32(count) }
            return (stream.out, stream.in)
        }
    }
}
