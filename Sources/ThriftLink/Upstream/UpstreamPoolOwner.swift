import Links
package import NIOCore
package import Wire

/// Who sends calls through an ``UpstreamPool``, and hears exactly one of the two outcomes for each that is not oneway (rule S2).
package protocol UpstreamPoolOwner: AnyObject {
    func pool(_ pool: UpstreamPool, answered token: UInt64, _ answer: UpstreamAnswer)
    func pool(_ pool: UpstreamPool, failed token: UInt64, _ failure: UpstreamFailure)
    /// A call that has waited is about to go out: whether anyone still wants its answer. If not it is dropped, and nothing is heard of it.
    func pool(_ pool: UpstreamPool, wants token: UInt64) -> Bool
    /// An upstream was left out, or taken back in (rule S20), or something else happened that people should know.
    func pool(_ pool: UpstreamPool, tells event: UpstreamEvent)
}

/// A reply or a TApplicationException as it came. Valid during the call.
package struct UpstreamAnswer {
    package let head: ThriftHead
    /// The whole message; `head` counts from its first byte.
    package let bytes: UnsafeRawBufferPointer
    /// The number of the connection that it came by.
    package let connection: Int
    /// Alive as long as the bytes are, so that no reference is counted.
    private let link: Unmanaged<Link>

    init(_ head: ThriftHead, _ bytes: UnsafeRawBufferPointer, link: Link, connection: Int) {
        self.connection = connection
        self.head = head
        self.bytes = bytes
        self.link = .passUnretained(link)
    }

    package var body: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[head.body]) }
    /// A THeader's info headers.
    package var info: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[head.info]) }
    /// The body once more, where it is too long to be copied.
    package var sharedBody: ByteBuffer? { link._withUnsafeGuaranteedRef { $0.sharedInput(body) } }
}

/// Why a call has no answer.
package struct UpstreamFailure {
    package var code: Code
    /// What follows the code's name: `upstream 10.0.0.5:9100 closed`.
    package var reason: String
    /// The server that it failed on.
    package var server: Int?
}

/// What happened to an upstream, for the log and the metrics.
package enum UpstreamEvent {
    case up(String)
    case down(String, reason: String)
    case unreachable(String, reason: String)
    case ejected(String, milliseconds: Int)
    case returned(String)
    /// It broke the protocol.
    case broken(String, reason: String)
    case unresolved(String)
}
