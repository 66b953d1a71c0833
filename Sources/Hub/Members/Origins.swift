/// Where the packets in one link's queue came from: a number for each run of bytes of its stream, asked for when the link dies (rules S2, S3).
/// Packets that follow each other from the same origin cost one comparison.
struct Origins {
    /// A packet that may be re-routed, or of which only its header says where it came from.
    static let ordinary: UInt64 = 0
    /// It was re-routed to this link: not again.
    static let rerouted: UInt64 = 1

    private var runs: [(start: Int, origin: UInt64)] = []
    private var latest = Origins.ordinary

    /// The bytes from `offset` on are from `origin`.
    /// - Parameter written: bytes of the stream that the socket has taken; what is known of them is forgotten.
    @inline(__always)
    mutating func note(_ origin: UInt64, at offset: @autoclosure () -> Int, written: @autoclosure () -> Int) {
        guard origin != latest else { return }
        change(to: origin, at: offset(), written: written())
    }

    private mutating func change(to origin: UInt64, at offset: Int, written: Int) {
        latest = origin
        if runs.count >= 256, let kept = runs.lastIndex(where: { $0.start <= written }), kept > 0 { runs.removeFirst(kept) }
        runs.append((offset, origin))
    }

    /// Of the byte at `offset`.
    func origin(of offset: Int) -> UInt64 {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].start <= offset { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? Origins.ordinary : runs[low - 1].origin
    }
}
