import Synchronization

/// How far the process is; whoever starts and drains its roles sets it, the admin server shows it.
public final class ProcessState: Sendable {
    /// In the order in which a process passes through them.
    public enum Phase: String, Sendable, Codable, CaseIterable { case starting, serving, draining, stopped }

    private let current = Mutex(Phase.starting)
    private let rotation = Mutex(false)
    private let shownName = Mutex("")
    private let reloads = Mutex(Reloads())
    private let start = ContinuousClock.now

    /// How often the configuration was read again, by what came of it.
    public struct Reloads: Sendable, Equatable {
        public var takenOver = 0
        public var refused = 0
    }

    public init() {}

    public var phase: Phase {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }

    /// Everything has started: serving from here on, unless the process is leaving already, which is false.
    public func startServing() -> Bool {
        current.withLock { phase in
            guard phase == .starting else { return false }
            phase = .serving
            return true
        }
    }

    /// An operator wants load balancers to send no one new here; everything is served as before.
    public var isOutOfRotation: Bool {
        get { rotation.withLock { $0 } }
        set { rotation.withLock { $0 = newValue } }
    }

    /// The process's name, for `/status` and the dashboard.
    public var name: String {
        get { shownName.withLock { $0 } }
        set { shownName.withLock { $0 = newValue } }
    }

    public var configurationReloads: Reloads { reloads.withLock { $0 } }

    public func reloadEnded(isTakenOver: Bool) {
        reloads.withLock { if isTakenOver { $0.takenOver += 1 } else { $0.refused += 1 } }
    }

    /// Since the state was made, which is when the process began.
    public var uptime: Duration { ContinuousClock.now - start }
}
