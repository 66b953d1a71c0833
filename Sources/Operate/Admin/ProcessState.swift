import Synchronization

/// How far the process is; whoever starts and drains its roles sets it, the admin server shows it.
public final class ProcessState: Sendable {
    /// In the order in which a process passes through them.
    public enum Phase: String, Sendable, Codable, CaseIterable { case starting, serving, draining, stopped }

    private let current = Mutex(Phase.starting)
    private let rotation = Mutex(false)
    private let start = ContinuousClock.now

    public init() {}

    public var phase: Phase {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }

    /// An operator wants load balancers to send no one new here; everything is served as before.
    public var isOutOfRotation: Bool {
        get { rotation.withLock { $0 } }
        set { rotation.withLock { $0 = newValue } }
    }

    /// Since the state was made, which is when the process began.
    public var uptime: Duration { ContinuousClock.now - start }
}
