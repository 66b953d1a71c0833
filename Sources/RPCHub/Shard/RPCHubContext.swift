import Links
import Logging
import Membership
import Sessions
import Wire

/// What all loops of one RPC hub share.
final class RPCHubContext: Sendable {
    let settings: RPCHubSettings
    let logger: Logger
    let memory: MemoryBudget
    let admission: Admission
    let registrar: Registrar<AgentTableBuilder>
    /// By ``MemberLink/Port``.
    let rules: [HelloRules]

    init(settings: RPCHubSettings, memory: MemoryBudget, logger: Logger, registrar: Registrar<AgentTableBuilder>) {
        self.settings = settings
        self.memory = memory
        self.logger = logger
        self.registrar = registrar
        var limits = ClientLimits()
        limits.connections = settings.limits.connections
        limits.perAddress = settings.limits.perAddress
        admission = Admission(limits)
        rules = [HelloRules(roles: [.caller], joinList: settings.join), HelloRules(roles: [.agent], joinList: settings.join)]
    }
}
