import Foundation
import NIOCore
import Synchronization
import Telemetry
import Wire

/// Says one line for each packet of one session or user that a link reads or writes. Links of calls carry neither and are not looked at.
final class TraceTap: StreamTap {
    private let session: UInt64?
    private let user: UInt64?
    private let output: TapOutput
    private let state: Mutex<State>

    private struct State {
        /// The start of a packet whose end has not come, by link and direction.
        var partial: [Key: ByteBuffer] = [:]
        /// Sessions that were seen with the user.
        var sessions: Set<UInt64> = []
        var linesLeft: Int
    }

    private struct Key: Hashable {
        let link: UInt64
        let isIn: Bool
    }

    /// Sessions of one user that are followed.
    private static let maxSessions = 64

    init(session: UInt64?, user: UInt64?, lines: Int, output: TapOutput) {
        self.session = session
        self.user = user
        self.output = output
        state = Mutex(State(linesLeft: lines))
    }

    func bytes(_ bytes: UnsafeRawBufferPointer, of link: TappedLink, _ direction: Direction) {
        guard case .packets(let format) = link.framing else { return }
        state.withLock { state in
            let key = Key(link: link.id, isIn: direction == .in)
            guard var partial = state.partial.removeValue(forKey: key) else {
                let taken = walk(bytes, format, link, direction, &state)
                if taken < bytes.count { state.partial[key] = ByteBuffer(bytes: bytes[taken...]) }
                return
            }
            partial.writeBytes(bytes)
            let taken = partial.withUnsafeReadableBytes { walk($0, format, link, direction, &state) }
            partial.moveReaderIndex(forwardBy: taken)
            if partial.readableBytes > 0 { state.partial[key] = partial }
        }
    }

    /// Looks at every whole packet; returns how far it came. A length that cannot be ends it: the link is about to be closed.
    private func walk(
        _ bytes: UnsafeRawBufferPointer, _ format: WireFormat, _ link: TappedLink, _ direction: Direction, _ state: inout State
    ) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var offset = 0
        while bytes.count - offset >= PacketHeader.size {
            let header = PacketHeader(at: base + offset, format: format)
            guard header.length >= PacketHeader.size else { return bytes.count }
            guard header.length <= bytes.count - offset else { break }
            if isWanted(header, link, direction, &state) { say(header, base + offset + PacketHeader.size, link, direction, &state) }
            offset += header.length
        }
        return offset
    }

    private func isWanted(_ header: PacketHeader, _ link: TappedLink, _ direction: Direction, _ state: inout State) -> Bool {
        if let session { return header.session == session || (direction == .in && link.session == session) }
        if header.user == user, user != 0 {
            if header.session != 0, state.sessions.count < TraceTap.maxSessions { state.sessions.insert(header.session) }
            return true
        }
        return link.user == user || state.sessions.contains(header.session) && header.session != 0
    }

    private func say(_ header: PacketHeader, _ body: UnsafeRawPointer, _ link: TappedLink, _ direction: Direction, _ state: inout State) {
        guard state.linesLeft > 0 else { return }
        state.linesLeft -= 1
        let time = Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        let kind = ControlType(rawValue: header.type).map { "\($0)" } ?? "type \(header.type)"
        let start = HexText.text(UnsafeRawBufferPointer(start: body, count: min(header.bodyCount, 16)))
        let line =
            "\(time) \(direction == .in ? "from" : "to  ") \(link.side) \(link.remote) link \(link.id): \(kind), user \(header.user), session "
            + "\(header.session), es \(header.es), body \(header.bodyCount) bytes \(start)\(header.bodyCount > 16 ? "..." : "")\n"
        output.write(ByteBuffer(string: line))
        if state.linesLeft == 0 { output.finish() }
    }
}
