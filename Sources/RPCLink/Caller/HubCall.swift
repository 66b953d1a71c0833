package import Wire

/// One call of a program through a hub: what is asked, and who waits.
///
/// `@unchecked Sendable`: what changes is confined to the desk's event loop from the moment that it is handed over.
package final class HubCall: @unchecked Sendable {
    /// Why there is no answer.
    package struct Failure: Error, Equatable {
        /// As it stood on the wire; ``Wire/Code`` knows most.
        package var code: UInt16
        package var reason: String

        package init(_ code: Code, _ reason: String) {
            self.code = code.rawValue
            self.reason = "\(code.name): \(reason)"
        }

        package init(code: UInt16, reason: String) {
            self.code = code
            self.reason = reason
        }
    }

    enum State {
        case new, withdrawn
        case open(CallerPort, UInt64)
        case ended
    }

    package let rpc: UInt32
    package let request: ProtoRequest
    /// What the hub and the agent are chosen by; 0: any.
    package let shardingID: Int64
    package let isOneway: Bool
    /// Milliseconds from the start to the end.
    package let timeout: Int
    private let finish: @Sendable (Result<ProtoReply, Failure>) -> Void
    var state = State.new
    /// The tick by which it is given up.
    var deadline = 0
    /// It went to a second hub after the first had said that it did not take it (rule S3).
    var isRetried = false

    /// - Parameter finish: called exactly once, on the desk's loop or by ``refuse(_:)``; of a oneway call when it is queued.
    package init(
        rpc: UInt32, request: ProtoRequest, isOneway: Bool = false, timeout: Int,
        finish: @escaping @Sendable (Result<ProtoReply, Failure>) -> Void
    ) {
        self.rpc = rpc
        self.request = request
        shardingID = request.shardingID
        self.isOneway = isOneway
        self.timeout = timeout
        self.finish = finish
    }

    /// Ends a call that no desk has been handed, on whatever thread.
    package func refuse(_ failure: Failure) { end(.failure(failure)) }

    func end(_ result: Result<ProtoReply, Failure>) {
        if case .ended = state { return }
        state = .ended
        finish(result)
    }
}
