import Links
import Logging
import Operate
import Synchronization
import Telemetry

/// A role that says what a test wants.
final class FakeRole: Inspectable {
    let role: String
    private let state: Mutex<String>
    private let gate: Gate?
    private let asking = Atomic<Int>(0)

    /// Someone waits for its answer.
    var isAsked: Bool { asking.load(ordering: .relaxed) > 0 }

    private func pass() async {
        asking.wrappingAdd(1, ordering: .relaxed)
        await gate?.pass()
        asking.wrappingSubtract(1, ordering: .relaxed)
    }

    /// - Parameter gate: holds up ``samples()`` and ``status()`` until it opens.
    init(_ role: String = "gateway", state: String = "serving", gate: Gate? = nil) {
        self.role = role
        self.state = Mutex(state)
        self.gate = gate
    }

    func become(_ state: String) { self.state.withLock { $0 = state } }

    func samples() async -> [Sample] {
        await pass()
        return [
            Sample(.linksOpen, role, "clients", value: 3), Sample(.linksClosed, role, "clients", "lost", value: 1),
            Sample(.packets, role, "chat", "in", value: 7), Sample(.packets, role, "chat", "out", value: 5), Sample(.draining, role, value: 0),
        ]
    }

    func status() async -> RoleStatus {
        await pass()
        return RoleStatus(
            role: role, state: state.withLock { $0 }, listeners: [.init(side: "clients", address: "127.0.0.1:7000")], links: 3,
            peers: [.init(route: "chat", address: "unix:/run/chat", state: "up", queuedBytes: 0)])
    }
}

/// Holds up whoever passes until it is opened.
final class Gate: Sendable {
    private let arrivals = AsyncStream.makeStream(of: Void.self)
    private let opening = AsyncStream.makeStream(of: Void.self)

    /// Does not care whether the one who passes is cancelled, like a future of an event loop.
    func pass() async {
        arrivals.continuation.yield()
        let opening = opening.stream
        await Task { for await _ in opening {} }.value
    }

    func open() { opening.continuation.finish() }

    /// Until someone stands in front of it.
    func arrival() async { for await _ in arrivals.stream { return } }
}

extension ProcessControl {
    /// A process that has nothing to do with anything.
    static var none: ProcessControl { ProcessControl(leave: {}, reload: { [] }, configuration: { "name: edge-1\n" }) }
}

/// Runs an admin server for a test.
func withAdmin(
    _ listen: Endpoint = .host("127.0.0.1", port: 0), token: String? = nil, roles: [any Inspectable] = [FakeRole()],
    state phase: ProcessState.Phase = .serving,
    control: ProcessControl = .none, logger: Logger = Logger(label: "admin", factory: { _ in SwiftLogNoOpLogHandler() }),
    _ body: (AdminClient, AdminServer, ProcessState) async throws -> Void
) async throws {
    let state = ProcessState()
    state.phase = phase
    state.name = "edge-1"
    let settings = ProcessSettings.Admin(listen: listen, token: token.map { Secret(value: $0, source: "env:ADMIN_TOKEN") })
    let server = AdminServer(settings, roles: roles, state: state, control: control, logger: logger)
    let endpoint = try await server.start()
    do {
        try await body(AdminClient(endpoint: endpoint), server, state)
    } catch {
        await server.stop()
        throw error
    }
    await server.stop()
}
