import Synchronization

/// What the process goes by now; a reload changes it (rule S26).
final class CurrentSettings: Sendable {
    private let settings: Mutex<ProcessSettings>

    init(_ settings: ProcessSettings) { self.settings = Mutex(settings) }

    var value: ProcessSettings {
        get { settings.withLock { $0 } }
        set { settings.withLock { $0 = newValue } }
    }

    /// The effective configuration, secrets masked.
    var yaml: String { EffectiveConfiguration.yaml(of: value) }
}
