public import NIOCore
public import Wire

/// A function that answers calls: all that a program has to bring to an ``RPCServer``.
///
/// It may wait, and it may block: it runs on threads of its own, never on an event loop. What it throws reaches the caller as a
/// `TApplicationException`: a ``ThriftException`` as it is (`throw ThriftException(.busy, "come back later")` says a code of protocol
/// section 5), anything else as `internal`, and then the details are in the log alone.
public typealias RPCHandler = @Sendable (ProtoRequest) async throws -> ProtoReply

/// A function that answers calls on the event loop that read them: the cheapest way, for what takes microseconds.
///
/// It must not wait or block: every other connection of that loop waits with it. What it throws is treated as with ``RPCHandler``.
public typealias RPCInlineHandler = @Sendable (ProtoRequest) throws -> ProtoReply

/// Answers a call of a method that has other arguments or another result than ``ProtoRequest`` and ``ProtoReply``.
///
/// - Returns: one structure, written in the protocol that the call came in: field 0 is the result, any other field a declared exception; no
///   field at all (one byte of zero) is what a `void` method returns. An empty buffer counts as that.
public typealias RPCRawHandler = @Sendable (RPCRawCall) async throws -> ByteBuffer

/// A call of a method with other arguments than ``ProtoRequest``, as its bytes stand.
public struct RPCRawCall: Sendable {
    /// The method's name as the caller wrote it, `service:` in front of it included when it multiplexes.
    public var method: String
    /// Nobody waits for the result.
    public var isOneway: Bool
    /// What the arguments are written in, and the result has to be: `binary` (strict and old are alike here) or `compact`.
    public var `protocol`: ThriftProtocol
    /// One structure with the arguments as its fields, ids counted from 1.
    public var arguments: ByteBuffer
}
