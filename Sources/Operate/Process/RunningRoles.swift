import Gateway
import Links
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Telemetry

/// The roles of one process, the admin server and the demonstration, started and stopped in the right order.
final class RunningRoles: Sendable {
    private let settings: ProcessSettings
    private let group: MultiThreadedEventLoopGroup
    private let gateway: Gateway?
    private let admin: AdminServer?
    private let demonstration: Demonstration?
    private let state = ProcessState()

    init(settings: ProcessSettings, withDemonstration: Bool, logger: Logger) {
        self.settings = settings
        let group = MultiThreadedEventLoopGroup(numberOfThreads: settings.loops)
        self.group = group
        let gateway = settings.gateway.map { Gateway($0, group: group, logger: LogLabel.logger("gateway", settings.log)) }
        self.gateway = gateway
        let state = state
        admin = settings.admin.map {
            let roles = [gateway].compactMap { $0 as (any Inspectable)? }
            return AdminServer($0, name: settings.name, roles: roles, state: state, logger: LogLabel.logger("admin", settings.log))
        }
        demonstration = withDemonstration ? Demonstration() : nil
    }

    /// Starts everything; returns a line for each listener.
    /// - Throws: one clear line; the caller then calls ``stop()``.
    func start() async throws -> [String] {
        var lines: [String] = []
        let adminAddress = try await admin?.start()
        try await demonstration?.start()
        if let gateway { lines.append("gateway listening on \(try await gateway.start())") }
        if let adminAddress { lines.append("admin listening on \(adminAddress)") }
        // A signal may have come meanwhile.
        if state.phase == .starting { state.phase = .serving }
        return lines
    }

    /// Leaves in order (rule S25).
    func drain(atOnce: Bool) async {
        state.phase = .draining
        await gateway?.drain(atOnce: atOnce)
        state.phase = .stopped
        await stop()
    }

    func stop() async {
        await demonstration?.stop()
        await admin?.stop()
        try? await group.shutdownGracefully()
    }
}

/// Loggers of the roles.
enum LogLabel {
    static func logger(_ role: String, _ log: ProcessSettings.Log) -> Logger {
        Logger(label: role) { LineLogHandler(label: $0, log: log) }
    }
}
