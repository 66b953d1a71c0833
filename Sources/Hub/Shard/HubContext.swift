import Links
import Logging
import Membership
import Sessions
import Wire

/// What all loops of one hub share.
final class HubContext: Sendable {
    let logger: Logger
    let memory: MemoryBudget
    let admission: Admission
    let registrar: Registrar<TableBuilder>

    init(settings: HubSettings, memory: MemoryBudget, logger: Logger, registrar: Registrar<TableBuilder>) {
        self.memory = memory
        self.logger = logger
        self.registrar = registrar
        admission = Admission(settings.limits.forAdmission)
    }
}

extension HubSettings.Limits {
    /// As those who connect are counted.
    var forAdmission: ClientLimits {
        var limits = ClientLimits()
        limits.connections = connections
        limits.perAddress = perAddress
        return limits
    }
}
