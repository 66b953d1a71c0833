/// What an operator may do to the process as a whole.
public struct ProcessControl: Sendable {
    /// Leave in order, as after SIGTERM.
    public var leave: @Sendable () -> Void
    /// Read the configuration again, as after SIGHUP; returns what stands against it, nothing when it was taken over.
    public var reload: @Sendable () async -> [String]
    /// The effective configuration, secrets masked.
    public var configuration: @Sendable () -> String

    public init(
        leave: @escaping @Sendable () -> Void, reload: @escaping @Sendable () async -> [String], configuration: @escaping @Sendable () -> String
    ) {
        self.leave = leave
        self.reload = reload
        self.configuration = configuration
    }
}
