import Foundation

/// An echo server in a process of its own, which can be stopped and killed like a real one.
final class UpstreamProcess: Sendable {
    let child: ChildProcess
    let port: UInt16

    /// - Parameter port: 0 for a free one; the old one to come back after a death.
    init(port: UInt16 = 0) throws {
        child = try ChildProcess("python3", [SwitchyardProcess.packageFile("Tests/SystemTests/Support/echo_server.py"), String(port)])
        do {
            self.port = try SwitchyardProcess.port(in: child.outputLine("listening on "))
        } catch {
            child.end()
            throw error
        }
    }

    var address: String { "127.0.0.1:\(port)" }
    func signal(_ number: Int32) { child.signal(number) }
    func end() { child.end() }
}
