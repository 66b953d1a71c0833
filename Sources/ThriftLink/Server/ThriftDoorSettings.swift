public import Links
public import Sessions

/// How a Thrift listener treats its clients.
public struct ThriftDoorSettings: Sendable, Equatable {
    public var listen: Endpoint
    /// Who may connect, and how.
    public var options = ListenerOptions()
    /// Answers go out in the order of their calls; otherwise as they come (rule S24).
    public var ordered = true
    /// Calls of one connection that may be open; with as many it is not read. At least 1.
    public var pipelining = 1024
    /// The longest frame, in bytes; a longer one closes its connection.
    public var maxFrame = 16_384_000
    /// `connections`, `perAddress` and `maxPending` count here; the latter are bytes of answers to one connection, over which it is not read.
    public var limits = ClientLimits()

    public init(listen: Endpoint) { self.listen = listen }
}
