import Links
import NIOCore
import ThriftLink
import Wire

/// A client's call that has no outcome yet.
struct OpenCall {
    /// The client's connection; it may be gone by the time of the answer.
    let connection: ThriftConnection
    /// What that connection knows the call by.
    let ticket: UInt64
    let route: Int
    let started: NIODeadline
    /// The tick by which it is given up.
    let deadline: Int
    /// What `hash` goes by.
    let key: UInt64
    /// What it takes to repeat it; nil for the many that may not be.
    let repetition: Repetition?
}

/// What is kept of a call that may be repeated (rule S3); on the heap, because few calls have one.
final class Repetition {
    /// The call's bytes, until they are sent a second time.
    private var held: HeldCall?
    /// How the first attempt ended: the call may have been processed, whatever becomes of the second.
    private var first: UpstreamFailure?

    init(_ held: HeldCall) { self.held = held }

    /// Whether there was no second attempt.
    var isLeft: Bool { held != nil }

    /// The bytes for the second attempt, now that the first has ended so.
    func take(after failure: UpstreamFailure) -> HeldCall? {
        first = failure
        return held.take()
    }

    /// What the caller is told when the last attempt ends so.
    func outcome(_ last: UpstreamFailure) -> UpstreamFailure {
        guard let first, first.code != .neverSent else { return last }
        return last.code == .deadline ? last : first
    }

    func release(to pool: inout BlockPool) { held.take()?.release(to: &pool) }
}

/// What a reply says about the call's end, seen without decoding it (rule S21).
enum ReplyKind {
    /// Whether a reply's body begins with a declared exception: a field of another id than 0.
    static func isDeclaredException(_ body: UnsafeRawBufferPointer, _ encoding: ThriftEncoding) -> Bool {
        guard let first = body.first, first != 0 else { return false }
        switch encoding {
        case .binary:
            return body.count >= 3 && (body[1] != 0 || body[2] != 0)
        case .compact:
            // A step from 0, or the id itself behind it; its 0 is written as 0.
            return first >> 4 != 0 || (body.count >= 2 && body[1] != 0)
        }
    }
}
