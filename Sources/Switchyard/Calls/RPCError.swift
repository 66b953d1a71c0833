public import Wire

/// Why a call has no answer: it did not come to whoever does it, or the answer did not come back. ``RPCClient`` and ``RPCHubCaller`` throw
/// it, and the function of an ``RPCHubAgent`` may, to give its caller that code.
///
/// What a Thrift server itself says instead of an answer is a ``ThriftException``.
public struct RPCError: Error, Hashable, CustomStringConvertible {
    /// `noPeer`, `busy`, `neverSent` and `draining`: the server has not seen the call, so it may be made again. `lost` and `deadline`: it
    /// may have been done. `badRequest`, `tooLarge`: it cannot be made. `protocol`: the answer was none. `remoteException`: a declared
    /// exception came for a method that was called with ``ProtoRequest``, or an agent's server answered with an exception. `internal`: the
    /// fault is on the other side, or it has a code that this version does not know, which the reason names.
    public var code: Code
    /// What happened, in a few words.
    public var reason: String

    /// An error with that code.
    public init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    /// The code's name and the reason.
    public var description: String { "\(code.name): \(reason)" }
}
