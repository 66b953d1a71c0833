import Foundation
package import NIOCore

/// Reads the stream of snapshots and keeps the last few, for rates.
package struct TopFeed: Sendable {
    private var bytes = ByteBuffer()
    private var history: [LiveSnapshot] = []
    /// Rates are over about a second: this many snapshots back.
    private static let depth = 3

    package init() {}

    /// Snapshots that are complete with these bytes.
    package mutating func receive(_ more: ByteBuffer) throws -> [LiveSnapshot] {
        bytes.writeImmutableBuffer(more)
        var snapshots: [LiveSnapshot] = []
        while let end = bytes.readableBytesView.firstRange(of: Array("\n\n".utf8)) {
            guard let event = bytes.readSlice(length: end.upperBound - bytes.readerIndex) else { break }
            let data = Data(event.readableBytesView.dropFirst("data: ".utf8.count).dropLast(2))
            snapshots.append(try JSONDecoder().decode(LiveSnapshot.self, from: data))
        }
        return snapshots
    }

    /// The picture of a snapshot; nil for the first, which has no rates.
    package mutating func show(_ snapshot: LiveSnapshot) -> TopScreen? {
        history.append(snapshot)
        if history.count > TopFeed.depth { history.removeFirst() }
        guard history.count == TopFeed.depth, let first = history.first else { return nil }
        return TopScreen(before: first, now: snapshot)
    }
}
