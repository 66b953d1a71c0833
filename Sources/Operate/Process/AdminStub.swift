import Links
import Logging
import Synchronization
import Telemetry

final class ProcessState: Sendable {
    enum P { case starting, serving, draining, stopped }
    private let p = Mutex(P.starting)
    var phase: P {
        get { p.withLock { $0 } }
        set { p.withLock { $0 = newValue } }
    }
}
final class AdminServer: Sendable {
    init(_ s: ProcessSettings.Admin, name: String, roles: [any Inspectable], state: ProcessState, logger: Logger) {}
    func start() async throws -> Endpoint { .host("127.0.0.1", port: 9090) }
    func stop() async {}
}
