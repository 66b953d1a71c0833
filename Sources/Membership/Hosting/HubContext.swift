package import Links
package import Logging
package import Sessions

/// What all loops of one hub share.
package final class HubContext<Tables: MembershipTables>: Sendable {
    package let logger: Logger
    package let memory: MemoryBudget
    package let admission: Admission
    package let registrar: Registrar<Tables>

    package init(limits: MemberLimits, memory: MemoryBudget, logger: Logger, registrar: Registrar<Tables>) {
        self.memory = memory
        self.logger = logger
        self.registrar = registrar
        admission = Admission(limits.forAdmission)
    }
}
