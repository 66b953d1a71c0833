import Gateway
import Hub
import Links
import Logging
import NIOCore
import NIOPosix
import RPCProxy
import Synchronization
import Telemetry

/// The roles of one process, the admin server and the demonstration, started and stopped in the right order.
final class RunningRoles: Sendable {
    private let settings: ProcessSettings
    private let group: MultiThreadedEventLoopGroup
    /// In the order in which they start: whoever is dialed before whoever dials, whoever faces clients last.
    private let roles: [any ProcessRole]
    private let admin: AdminServer?
    private let demonstration: Demonstration?
    private let state = ProcessState()

    init(settings: ProcessSettings, withDemonstration: Bool, control: ProcessControl, logger: Logger) {
        self.settings = settings
        let group = MultiThreadedEventLoopGroup(numberOfThreads: settings.loops)
        self.group = group
        roles = RunningRoles.roles(settings, group: group)
        demonstration = withDemonstration ? Demonstration(log: settings.log) : nil
        let shown = roles.map { $0 as any Inspectable } + (demonstration?.servers ?? [])
        admin = settings.admin.map { [state] in
            AdminServer(
                $0, name: settings.name, roles: shown, state: state, control: control, loops: Array(group.makeIterator()),
                logger: LogLabel.logger("admin", settings.log))
        }
    }

    private static func roles(_ settings: ProcessSettings, group: MultiThreadedEventLoopGroup) -> [any ProcessRole] {
        let memory = MemoryBudget(limit: settings.memory)
        var roles: [any ProcessRole] = []
        if let hub = settings.hub { roles.append(Hub(hub, group: group, memory: memory, logger: LogLabel.logger("hub", settings.log))) }
        if var gateway = settings.gateway {
            gateway.hubs = settings.gatewayHubs.map { .init(to: $0.to, token: Array(($0.token?.value ?? "").utf8), name: settings.name, tls: $0.tls) }
            roles.append(Gateway(gateway, group: group, memory: memory, logger: LogLabel.logger("gateway", settings.log)))
        }
        if let proxy = settings.rpcProxy {
            roles.append(RPCProxy(proxy, group: group, memory: memory, logger: LogLabel.logger(RPCProxy.roleName, settings.log)))
        }
        return roles
    }

    /// Starts everything; returns a line for each listener.
    /// - Throws: one clear line; the caller then calls ``stop()``.
    func start() async throws -> [String] {
        var lines: [String] = []
        let adminAddress = try await admin?.start()
        try await demonstration?.start()
        for role in roles {
            let listeners = try await role.start()
            if role is Hub { try await demonstration?.join() }
            // A role's side is named where it has more than one.
            lines += listeners.map { "\(role.role)\(listeners.count > 1 ? " \($0.side)" : "") listening on \($0.address)" }
        }
        if let adminAddress { lines.append("admin listening on \(adminAddress)") }
        // A signal may have come meanwhile.
        if state.phase == .starting { state.phase = .serving }
        return lines
    }

    /// Leaves in order (rule S25), the role that faces clients first; all of it within `drainTimeout`.
    func drain(atOnce: Bool) async {
        state.phase = .draining
        let end = ContinuousClock.now + Duration(settings.drainTimeout)
        for role in roles.reversed() { await role.drain(within: max(end - .now, .zero), atOnce: atOnce) }
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
