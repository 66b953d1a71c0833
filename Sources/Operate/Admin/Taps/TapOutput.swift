import NIOCore
import Synchronization

/// What a tap has to say, on its way from the loops to the one who asked. Bounded twice: by what may wait, and by what may be said
/// altogether. A piece that does not fit is left out and counted; no loop ever waits.
final class TapOutput: Sendable {
    /// Bytes that may wait to be sent.
    private static let maxWaiting = 8 << 20
    /// Bytes that a whole trace may have.
    static let traceBytes = 16 << 20

    let chunks: AsyncStream<ByteBuffer>
    private let continuation: AsyncStream<ByteBuffer>.Continuation
    private let most: Int
    private let total = Atomic<Int>(0)
    private let waiting = Atomic<Int>(0)
    private let omitted = Atomic<Int>(0)

    /// - Parameter most: bytes after which it ends.
    init(most: Int) {
        self.most = most
        (chunks, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
    }

    /// Pieces that were left out so far, because the one who asked does not keep up.
    var omissions: Int { omitted.load(ordering: .relaxed) }

    /// False when it was left out, or the output has ended.
    @discardableResult
    func write(_ bytes: ByteBuffer) -> Bool {
        let count = bytes.readableBytes
        guard waiting.load(ordering: .relaxed) + count <= TapOutput.maxWaiting else {
            omitted.wrappingAdd(1, ordering: .relaxed)
            return false
        }
        guard total.wrappingAdd(count, ordering: .relaxed).newValue <= most else {
            finish()
            return false
        }
        waiting.wrappingAdd(count, ordering: .relaxed)
        continuation.yield(bytes)
        return true
    }

    /// The one who asked has taken them.
    func taken(_ count: Int) { waiting.wrappingSubtract(count, ordering: .relaxed) }

    func finish() { continuation.finish() }
}
