import Links
import NIOCore
import Synchronization
import ThriftLink
import Wire

/// One call on its way: written by its task, carried by the client's event loop, ended once by whoever is first.
final class RPCClientCall: Sendable {
    /// An answer as it came.
    struct Answer: Sendable {
        var type: ThriftMessageType
        var encoding: ThriftEncoding
        var body: ByteBuffer
    }

    private enum State {
        /// Nobody waits yet.
        case new
        case waiting(CheckedContinuation<Answer, any Error>)
        case ended
    }

    /// The method's name, and behind it the arguments.
    let message: ByteBuffer
    let nameCount: Int
    let isOneway: Bool
    /// What `hash` goes by; 0 is the client itself.
    let key: UInt64
    /// When it is given up.
    let deadline: NIODeadline
    private let state = Mutex(State.new)

    init(_ method: String, isOneway: Bool, key: Int64, timeout: TimeAmount, arguments: (inout ByteBuffer) -> Void) {
        var message = ByteBuffer(string: method)
        nameCount = message.readableBytes
        arguments(&message)
        self.message = message
        self.isOneway = isOneway
        self.key = UInt64(bitPattern: key)
        deadline = .now() + timeout
    }

    /// Someone still wants to know.
    var isWanted: Bool {
        state.withLock { state in
            if case .ended = state { false } else { true }
        }
    }

    /// Waits for the end; `send` sends it on its way.
    func wait(_ send: @Sendable (RPCClientCall) -> Void) async throws -> Answer {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isNew = state.withLock { state in
                    guard case .new = state else { return false }
                    state = .waiting(continuation)
                    return true
                }
                guard isNew else { return continuation.resume(throwing: CancellationError()) }
                send(self)
            }
        } onCancel: {
            end(.failure(CancellationError()))
        }
    }

    /// Tells who waits; what comes later finds nobody.
    func end(_ result: Result<Answer, any Error>) {
        let before = state.withLock { state in
            let before = state
            state = .ended
            return before
        }
        if case .waiting(let continuation) = before { continuation.resume(with: result) }
    }

    func fail(_ code: Code, _ reason: String) { end(.failure(RPCError(code, reason))) }

    /// Lends the parts.
    func withParts<T>(_ body: (CallParts) -> T) -> T {
        message.withUnsafeReadableBytes { bytes in
            let head = ThriftHead(
                form: ThriftForm(.framed, .binary), type: isOneway ? .oneway : .call, sequence: 0, name: 0..<nameCount,
                body: nameCount..<bytes.count)
            return body(CallParts(head, bytes, body: UnsafeRawBufferPointer(rebasing: bytes[nameCount...]), shared: sharedArguments))
        }
    }

    /// The arguments once more, where they are too many to be copied.
    private var sharedArguments: ByteBuffer? {
        let count = message.readableBytes - nameCount
        guard count > BlockPool.largest else { return nil }
        return message.getSlice(at: message.readerIndex + nameCount, length: count)
    }
}
