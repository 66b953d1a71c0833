import Links
import Logging
import Membership
import Sessions
import Wire

/// What all loops of one RPC hub share.
final class RPCHubContext: Sendable {
    let logger: Logger
    let memory: MemoryBudget
    let admission: Admission
    let registrar: Registrar<AgentTableBuilder>

    init(settings: RPCHubSettings, memory: MemoryBudget, logger: Logger, registrar: Registrar<AgentTableBuilder>) {
        self.memory = memory
        self.logger = logger
        self.registrar = registrar
        admission = Admission(settings.limits.forAdmission)
    }
}

extension RPCHubSettings.Limits {
    /// As those who connect are counted.
    var forAdmission: ClientLimits {
        var limits = ClientLimits()
        limits.connections = connections
        limits.perAddress = perAddress
        return limits
    }
}
