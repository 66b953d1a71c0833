import Foundation
import Gateway
import Hub
import Links
import Logging
import Membership
import NIOCore
import NIOPosix
import RPCHub
import RPCProxy
import Sessions
import Telemetry
import ThriftLink
import UnixSignals

/// One process, from its configuration to its exit code: what `switchyard up` does.
public struct SwitchyardProcess: Sendable {
    /// Exit codes (rule S27).
    public enum ExitCode: Int32, Sendable {
        case drained = 0
        case failed = 1
        case usage = 64
        case configuration = 78
    }

    /// Where the configuration comes from; without a file, every role that exists runs with a demonstration behind it.
    public struct Source: Sendable {
        public var file: String?
        public var overrides: [String]

        public init(file: String?, overrides: [String]) {
            self.file = file
            self.overrides = overrides
        }

        /// Reads it, afresh each time.
        public func load() -> Result<ConfigurationLoader.Loaded, ConfigurationErrors> {
            guard let file else {
                return ConfigurationLoader.load(text: Demonstration.configuration, file: "demonstration", overrides: overrides)
            }
            return ConfigurationLoader.load(path: file, overrides: overrides)
        }
    }

    private let source: Source
    private let announce: @Sendable (String) -> Void
    private let notice = ServiceNotice()

    /// - Parameter announce: takes the lines for standard output, one for each listener.
    public init(_ source: Source, announce: @escaping @Sendable (String) -> Void) {
        self.source = source
        self.announce = announce
    }

    /// Runs until a signal has ended it.
    public func run() async -> ExitCode {
        let code = await runRoles()
        StandardError.drain()
        return code
    }

    private func runRoles() async -> ExitCode {
        switch source.load() {
        case .failure(let errors):
            for line in errors.lines { StandardError.write("\(line)\n") }
            return .configuration
        case .success(let loaded):
            let settings = loaded.settings
            let log = LogSwitch(settings.log)
            let logger = LogLabel.logger("switchyard", log)
            for line in loaded.warnings { logger.warning("\(line)") }
            return await serve(settings, log: log, logger: logger)
        }
    }

    private func serve(_ settings: ProcessSettings, log: LogSwitch, logger: Logger) async -> ExitCode {
        warnAboutDescriptors(settings, logger: logger)
        // Trapped before anything listens, so that no signal finds the process half started.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        let (events, sender) = AsyncStream.makeStream(of: Event.self)
        let current = CurrentSettings(settings)
        let control = ProcessControl(
            leave: { sender.yield(.signal(.sigterm)) },
            reload: { await withCheckedContinuation { sender.yield(.reload($0)) } },
            configuration: { current.yaml })
        let roles = RunningRoles(current, withDemonstration: source.file == nil, control: control, log: log)
        return await attend(signals, events: events, sender: sender, roles: roles, logger: logger)
    }

    private enum Event: Sendable {
        /// Everything serves; a line for each listener.
        case started([String])
        /// Something could not listen; one clear line.
        case failed(String)
        case signal(UnixSignal)
        /// Someone asks for a reload, and for what stands against it.
        case reload(CheckedContinuation<[String], Never>)
        case drained
    }

    /// Starts, and attends to signals from then on: SIGHUP reloads, SIGTERM and SIGINT drain, the second of these ends the process at once
    /// (rule S25).
    private func attend(
        _ signals: UnixSignalsSequence, events: AsyncStream<Event>, sender: AsyncStream<Event>.Continuation, roles: RunningRoles,
        logger: Logger
    ) async -> ExitCode {
        let listening = Task { for await signal in signals { sender.yield(.signal(signal)) } }
        defer { listening.cancel() }
        // One at a time, beside the signals: a reload may wait for new upstreams to be dialed.
        let (reloads, wishes) = AsyncStream.makeStream(of: CheckedContinuation<[String], Never>?.self)
        let reloading = Task {
            for await answer in reloads {
                let complaints = await reload(roles, logger: logger)
                answer?.resume(returning: complaints)
            }
        }
        defer { reloading.cancel() }
        let starting = Task {
            do {
                sender.yield(.started(try await roles.start()))
            } catch {
                if !(error is CancellationError) { sender.yield(.failed("\(error)")) }
            }
        }
        var isDraining = false
        var hasFailed = false
        for await event in events {
            switch event {
            case .started(let lines):
                guard !isDraining else { break }
                for line in lines { announce(line) }
                notice.ready()
            case .failed(let reason):
                StandardError.write("switchyard: \(reason)\n")
                hasFailed = true
                // Whoever drains stops everything.
                guard !isDraining else { break }
                await roles.stop()
                return .failed
            case .drained:
                return hasFailed ? .failed : .drained
            case .signal(.sighup):
                wishes.yield(nil)
            case .reload(let answer) where isDraining:
                answer.resume(returning: ["configuration not reloaded: the process is draining"])
            case .reload(let answer):
                wishes.yield(answer)
            case .signal(let signal) where !isDraining:
                isDraining = true
                notice.stopping()
                logger.info("\(signal): draining, for at most \(roles.drainTimeout.nanoseconds / 1_000_000_000) s")
                roles.beginDraining()
                wishes.finish()
                Task {
                    // No role drains while it starts or takes other settings over: what is being dialed is waited for, which takes at most an
                    // attempt's 5 s.
                    starting.cancel()
                    await starting.value
                    await reloading.value
                    await roles.drain(atOnce: signal == .sigint)
                    sender.yield(.drained)
                }
            case .signal:
                StandardError.write("switchyard: second signal, ending at once\n")
                exit(ExitCode.failed.rawValue)
            }
        }
        return .drained
    }

    /// All or nothing (rule S26): what cannot be read or cannot change while running changes nothing, and is named.
    /// - Returns: what stands against it; nothing when it was taken over.
    private func reload(_ roles: RunningRoles, logger: Logger) async -> [String] {
        notice.reloading()
        defer { if roles.isServing { notice.ready() } }
        let complaints: [String]
        switch source.load() {
        case .failure(let errors): complaints = errors.lines
        case .success(let loaded):
            complaints = await roles.reload(loaded.settings)
            if complaints.isEmpty { for line in loaded.warnings { logger.warning("\(line)") } }
        }
        roles.reloadEnded(complaints)
        for line in complaints { logger.error("\(line)") }
        if complaints.isEmpty { logger.info("configuration reloaded") }
        return complaints
    }

    /// RLIMIT_NOFILE is raised; a limit that cannot fit is warned about (rule S16).
    private func warnAboutDescriptors(_ settings: ProcessSettings, logger: Logger) {
        let available = Descriptors.raiseLimit()
        let limits = [
            ("gateway", settings.gateway?.limits.connections), ("hub", settings.hub?.limits.connections),
            ("rpcProxy", settings.rpcProxy?.door.limits.connections), ("rpcHub", settings.rpcHub?.limits.connections),
            ("rpcHub.thrift", settings.rpcHub?.thrift?.door.limits.connections),
        ]
        for case (let role, let connections?) in limits where connections + 100 > available {
            logger.warning(
                "\(role).limits.connections: \(connections) needs more than the \(available) open files that the system allows; raise it with ulimit -n"
            )
        }
    }
}
