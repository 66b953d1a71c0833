import Gateway
import Hub
import Links
import Logging
import NIOCore
import RPCAgent
import RPCHub
import RPCProxy
import Synchronization
import Telemetry

/// The roles of one process, the admin server and the demonstration, started and stopped in the right order.
final class RunningRoles: Sendable {
    /// What the process goes by now.
    private let current: CurrentSettings
    private let log: LogSwitch
    private let memory: MemoryBudget
    private let group: any EventLoopGroup
    /// In the order in which they start: whoever is dialed before whoever dials, whoever faces clients last.
    private let roles: [any ProcessRole]
    private let admin: AdminServer?
    private let demonstration: Demonstration?
    private let state = ProcessState()
    /// The roles that run: those whose start has succeeded.
    private let started = Mutex<[any ProcessRole]>([])

    init(_ current: CurrentSettings, withDemonstration: Bool, control: ProcessControl, log: LogSwitch) {
        self.current = current
        self.log = log
        let settings = current.value
        let group = EventLoops.start(threads: settings.loops)
        self.group = group
        let memory = MemoryBudget(limit: settings.memory)
        self.memory = memory
        roles = RunningRoles.roles(settings, group: group, memory: memory, log: log)
        demonstration = withDemonstration ? Demonstration(laneThreads: settings.laneThreads, log: log) : nil
        state.name = settings.name
        let shown = roles.map { $0 as any Inspectable } + (demonstration?.servers ?? [])
        admin = settings.admin.map { [state] in
            AdminServer(
                $0, roles: shown, state: state, control: control, loops: Array(group.makeIterator()), logger: LogLabel.logger("admin", log))
        }
    }

    private static func roles(_ settings: ProcessSettings, group: any EventLoopGroup, memory: MemoryBudget, log: LogSwitch)
        -> [any ProcessRole]
    {
        var roles: [any ProcessRole] = []
        if let hub = settings.hub { roles.append(Hub(hub, group: group, memory: memory, logger: LogLabel.logger("hub", log))) }
        if let hub = settings.rpcHub { roles.append(RPCHub(hub, group: group, memory: memory, logger: LogLabel.logger("rpcHub", log))) }
        if let agent = settings.rpcAgent {
            roles.append(RPCAgent(agent, group: group, memory: memory, logger: LogLabel.logger("rpcAgent", log)))
        }
        if let gateway = settings.completeGateway {
            roles.append(Gateway(gateway, group: group, memory: memory, logger: LogLabel.logger("gateway", log)))
        }
        if let proxy = settings.rpcProxy {
            roles.append(RPCProxy(proxy, group: group, memory: memory, logger: LogLabel.logger(RPCProxy.roleName, log)))
        }
        return roles
    }

    /// Starts everything; returns a line for each listener.
    /// - Throws: one clear line, or that it was cancelled before another role; the caller then calls ``drain(atOnce:)`` or ``stop()``.
    func start() async throws -> [String] {
        var lines: [String] = []
        let adminAddress = try await admin?.start()
        try await demonstration?.start()
        for role in roles {
            // A signal may have come: what has not begun need not.
            try Task.checkCancellation()
            let listeners = try await role.start()
            started.withLock { $0.append(role) }
            if role is Hub { try await demonstration?.join() }
            // A role's side is named where it has more than one.
            lines += listeners.map { "\(role.role)\(listeners.count > 1 ? " \($0.side)" : "") listening on \($0.address)" }
        }
        if let adminAddress { lines.append("admin listening on \(adminAddress)") }
        guard state.startServing() else { throw CancellationError() }
        return lines
    }

    var isServing: Bool { state.phase == .serving }

    // MARK: - Reload

    /// Goes by another configuration, or by nothing of it (rule S26); one at a time.
    /// - Returns: what stands against it, one line each; nothing when it was taken over.
    func reload(_ next: ProcessSettings) async -> [String] {
        guard state.phase == .serving else { return ["configuration not reloaded: the process is \(state.phase)"] }
        let old = current.value
        let fixed = old.changesThatNeedARestart(to: next)
        guard fixed.isEmpty else { return fixed.map { "configuration not reloaded: \($0)" } }
        var steps: [@Sendable () async -> Void] = []
        do {
            // Whatever can fail comes before anything changes.
            for role in roles { if let step = try RunningRoles.prepare(role, next) { steps.append(step) } }
            if let admin, let settings = next.admin { steps.append(try admin.prepare(settings)) }
        } catch {
            return ["configuration not reloaded: \(error)"]
        }
        for step in steps { await step() }
        log.update(next.log)
        memory.limit = next.memory
        state.name = next.name
        current.value = next
        return []
    }

    /// What takes the role's next settings over; both processes have the same roles.
    private static func prepare(_ role: any ProcessRole, _ next: ProcessSettings) throws -> (@Sendable () async -> Void)? {
        switch role {
        case let gateway as Gateway: try next.completeGateway.map(gateway.prepare)
        case let hub as Hub: try next.hub.map(hub.prepare)
        case let hub as RPCHub: try next.rpcHub.map(hub.prepare)
        case let agent as RPCAgent: try next.rpcAgent.map(agent.prepare)
        case let proxy as RPCProxy: try next.rpcProxy.map(proxy.prepare)
        default: nil
        }
    }

    /// Counted for the metrics.
    func reloadEnded(_ complaints: [String]) { state.reloadEnded(isTakenOver: complaints.isEmpty) }

    // MARK: - Stop

    var drainTimeout: TimeAmount { current.value.drainTimeout }

    /// It leaves from here on.
    func beginDraining() { state.phase = .draining }

    /// Leaves in order (rule S25), the role that faces clients first; all of it within `drainTimeout`. The start has ended, in whatever way.
    func drain(atOnce: Bool) async {
        beginDraining()
        let end = ContinuousClock.now + Duration(drainTimeout)
        for role in leavingOrder { await role.drain(within: max(end - .now, .zero), atOnce: atOnce) }
        state.phase = .stopped
        await stop()
    }

    /// An RPC agent goes after the RPC hub, whose callers it still answers.
    private var leavingOrder: [any ProcessRole] {
        let roles = started.withLock { $0 }
        return roles.reversed().filter { !($0 is RPCAgent) } + roles.filter { $0 is RPCAgent }
    }

    func stop() async {
        await demonstration?.stop()
        await admin?.stop()
        try? await group.shutdownGracefully()
    }
}

extension ProcessSettings {
    /// The gateway with what stands elsewhere in the file: how it shows itself to its hubs.
    fileprivate var completeGateway: GatewaySettings? {
        guard var gateway else { return nil }
        gateway.hubs = gatewayHubs.map { .init(to: $0.to, token: Array(($0.token?.value ?? "").utf8), name: name, tls: $0.tls) }
        return gateway
    }
}

/// Loggers of the roles.
enum LogLabel {
    static func logger(_ role: String, _ log: LogSwitch) -> Logger {
        Logger(label: role) { LineLogHandler(label: $0, log: log) }
    }
}
