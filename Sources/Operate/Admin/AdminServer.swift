import Hummingbird
import HummingbirdCore
public import Links
public import Logging
public import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
public import Telemetry

/// The server for people and monitoring, over HTTP/1.1; ``AdminRoute`` lists what it has.
///
/// It has an event loop of its own, so that no scrape takes time of the loops that packets go through.
public final class AdminServer: Sendable {
    private let settings: ProcessSettings.Admin
    private let gate: AdminGuard
    private let routes: [AdminRoute]
    private let live: LiveFeed
    private let taps: TapStreams
    private let logger: Logger
    private let running = Mutex<Running?>(nil)

    /// Lives as long as the process: after the server has ended, Hummingbird may still ask its loop whether it has.
    private static let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// A server that was started.
    private struct Running {
        let services: ServiceGroup
        let doorway: Doorway
        let task: Task<Void, Never>
        /// Finishes when the server has closed its last connection.
        let ended: AsyncStream<Never>
        let end: AsyncStream<Never>.Continuation
    }

    /// - Parameters:
    ///   - roles: asked at every look.
    ///   - loops: whose delay is measured.
    public init(
        _ settings: ProcessSettings.Admin, roles: [any Inspectable], state: ProcessState, control: ProcessControl, loops: [any EventLoop] = [],
        logger: Logger
    ) {
        self.settings = settings
        self.logger = logger
        gate = AdminGuard(settings)
        let pages = AdminPages(roles: roles, state: state, control: control, loops: loops)
        let actions = AdminActions(roles: roles, state: state, control: control, logger: logger)
        live = LiveFeed(pages, gate: gate)
        taps = TapStreams(roles: roles, actions: actions)
        routes = AdminRoute.all(pages, actions, live: live, taps: taps)
    }

    /// What it has: `GET /links`, `POST /links/*/close`.
    package var endpoints: [String] { routes.map { "\($0.method) \($0.path)" } }

    // MARK: - Start

    /// Listens and serves until ``stop(within:)``; called once.
    /// - Returns: where it listens, with the port that the system gave if 0 was asked for.
    /// - Throws: one clear line when it cannot listen; then nothing is left running.
    public func start() async throws -> Endpoint {
        let (outcomes, outcome) = AsyncStream.makeStream(of: Result<Endpoint, AdminBindError>.self)
        let (ended, end) = AsyncStream.makeStream(of: Never.self)
        let listen = settings.listen
        let doorway = try Doorway(settings.options, group: AdminServer.loop, logger: logger)
        let services = services(doorway) { channel in
            outcome.yield(.success(listen.replacingPort(with: channel.localAddress?.port)))
            outcome.finish()
        }
        let logger = logger
        let task = Task {
            var failure: any Error = CancellationError()
            do { try await services.run() } catch { failure = error }
            if case .terminated = outcome.yield(.failure(AdminBindError(listen, failure))), !(failure is CancellationError) {
                logger.error("the admin server ended: \(failure)")
            }
            outcome.finish()
            end.finish()
        }
        running.withLock { $0 = Running(services: services, doorway: doorway, task: task, ended: ended, end: end) }
        for await outcome in outcomes { return try outcome.get() }
        throw AdminBindError(listen, CancellationError())
    }

    private func services(_ doorway: Doorway, onListening: @escaping @Sendable (any Channel) -> Void) -> ServiceGroup {
        // What it says at info and below is for those who work on it.
        var quiet = logger
        // What it has to say about single connections (a request abandoned while stopping is an error to it) is nothing to act on; that
        // the server itself has ended is told above.
        quiet.logLevel = .critical
        let application = Application(
            responder: AdminResponder(routes, gate: gate),
            server: HTTPServerBuilder { responder in
                GuardedChannel(HTTP1Channel(responder: responder, configuration: Limits.connection), doorway: doorway)
            },
            configuration: ApplicationConfiguration(
                address: settings.listen.bindAddress, availableConnectionsDelegate: .maximum(Limits.connections, logger: quiet)),
            onServerRunning: { onListening($0) },
            eventLoopGroupProvider: .shared(AdminServer.loop),
            logger: quiet)
        return ServiceGroup(configuration: ServiceGroupConfiguration(services: [application], logger: quiet))
    }

    /// Bounds for what clients may take.
    private enum Limits {
        static let connections = 256
        static let connection = HTTP1Channel.Configuration(
            idleTimeout: .seconds(30),
            httpDecoderConfiguration: .init(maxHeaderFieldSize: 8192, maxHeaderListSize: 16384, maxHeaderFieldCount: 100))
    }

    // MARK: - Reload

    /// Gets ready to go by another token and other options for connections; where it listens is as before (rule S26).
    /// - Throws: `TLSFileError`; then nothing has changed.
    public func prepare(_ settings: ProcessSettings.Admin) throws -> @Sendable () async -> Void {
        let options = try running.withLock { $0?.doorway }?.prepare(settings.options)
        return { [gate] in
            gate.change(to: settings.token)
            options?()
        }
    }

    // MARK: - Stop

    /// Stops listening, lets requests that are being answered end, closes every connection, and asks no role any more. Does nothing when it
    /// does not run.
    /// - Parameter limit: after it, requests that still wait for a role are abandoned.
    public func stop(within limit: Duration = .seconds(2)) async {
        let stopping = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let stopping else { return }
        let pump = live.closeAll()
        let (quiet, quieted) = AsyncStream.makeStream(of: Never.self)
        Task {
            await pump?.value
            quieted.finish()
        }
        taps.closeAll()
        await stopping.services.triggerGracefulShutdown()
        let timer = Task {
            try await Task.sleep(for: limit)
            stopping.task.cancel()
            stopping.end.finish()
            quieted.finish()
        }
        for await _ in stopping.ended {}
        // The roles' loops may end after this: nothing may be on its way to them.
        for await _ in quiet {}
        timer.cancel()
    }
}

extension Endpoint {
    fileprivate var bindAddress: BindAddress {
        switch self {
        case .host(let host, let port): .hostname(host, port: port)
        case .unix(let path): .unixDomainSocket(path: path)
        }
    }

    fileprivate func replacingPort(with real: Int?) -> Endpoint {
        switch self {
        case .host(let host, let port): .host(host, port: real ?? port)
        case .unix: self
        }
    }
}
