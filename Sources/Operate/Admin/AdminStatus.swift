public import Telemetry

/// What `/status` shows, as JSON.
public struct AdminStatus: Sendable, Codable, Equatable {
    /// The process's `name:`.
    public var name: String
    public var version: String
    public var uptimeSeconds: Int
    public var state: ProcessState.Phase
    /// In the order of the configuration.
    public var roles: [RoleStatus]

    public init(name: String, version: String, uptimeSeconds: Int, state: ProcessState.Phase, roles: [RoleStatus]) {
        self.name = name
        self.version = version
        self.uptimeSeconds = uptimeSeconds
        self.state = state
        self.roles = roles
    }
}
