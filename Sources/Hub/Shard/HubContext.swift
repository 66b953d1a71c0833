import Links
import Logging
import Membership
import Sessions
import Wire

/// What all loops of one hub share.
final class HubContext: Sendable {
    let settings: HubSettings
    let logger: Logger
    let memory: MemoryBudget
    let admission: Admission
    let registrar: Registrar<TableBuilder>
    /// By ``MemberLink/Port``.
    let rules: [HelloRules]

    init(settings: HubSettings, memory: MemoryBudget, logger: Logger, registrar: Registrar<TableBuilder>) {
        self.settings = settings
        self.memory = memory
        self.logger = logger
        self.registrar = registrar
        var limits = ClientLimits()
        limits.connections = settings.limits.connections
        limits.perAddress = settings.limits.perAddress
        admission = Admission(limits)
        rules = [HelloRules(roles: [.edge], joinList: settings.join), HelloRules(roles: [.service], joinList: settings.join)]
    }
}
