import NIOCore
import ThriftLink
import Wire

/// What a handler, on whatever thread, leaves for the event loop of its caller.
struct RPCAnswer: Sendable {
    /// What became of a call.
    enum Outcome: Sendable {
        case reply(ProtoReply)
        /// A result structure in the encoding of the call.
        case raw(ByteBuffer)
        case exception(ThriftException)
        /// The handler threw something that is nobody's business; the text is for the log.
        case failed(String)

        init(of work: RPCJob.Work) async {
            do {
                self = try await work()
            } catch {
                self.init(thrown: error)
            }
        }

        init(thrown error: any Error) {
            switch error {
            // Of a call that the handler made itself: for its own, which it has begun, that would be untrue, and the caller would repeat it (rule S3).
            case let exception as ThriftException where exception.isRefusalFromElsewhere: self = .failed("\(exception)")
            case let exception as ThriftException: self = .exception(exception)
            default: self = .failed("\(error)")
            }
        }
    }

    /// The number of the job that it ends.
    var job: UInt64
    var outcome: Outcome
}

/// A call that a handler works on, or that waits in a lane.
struct RPCJob {
    typealias Work = @Sendable () async throws -> RPCAnswer.Outcome

    let connection: ThriftConnection
    /// 0: nobody waits, the call was oneway.
    let ticket: UInt64
    let encoding: ThriftEncoding
    /// The method's number.
    let method: Int
    let started: NIODeadline
    /// Bytes that are kept for it.
    let bytes: Int
    /// What a cut cancels; a call in a lane has none.
    var task: Task<Void, Never>?
}
