import Foundation

/// The real executable, running any roles, whose file is written anew while it runs.
final class ReloadingProcess: Sendable, AdminServed {
    let child: ChildProcess
    let adminPort: UInt16
    private let file: ConfigurationFile
    private let admin: String

    /// - Parameter lines: of the file, without the admin server.
    init(_ lines: [String], admin: String, environment: [String: String]) throws {
        self.admin = admin
        file = try ConfigurationFile(ReloadingProcess.text(lines, admin))
        child = try ChildProcess(SwitchyardProcess.binary(), ["up", "--config", file.path], environment: environment)
        do {
            adminPort = try SwitchyardProcess.port(in: child.outputLine("admin listening on ", within: .seconds(20)))
        } catch {
            child.end()
            file.remove()
            throw error
        }
    }

    private static func text(_ lines: [String], _ admin: String) -> String {
        (["drainTimeout: 5s", "admin: \(admin)"] + lines).joined(separator: "\n") + "\n"
    }

    /// The port of the listener with that name: `hub edges`.
    func port(_ listener: String) throws -> UInt16 { try SwitchyardProcess.port(in: child.outputLine("\(listener) listening on ")) }

    func end() {
        child.end()
        file.remove()
    }

    /// Writes the file anew and says SIGHUP; returns when it is taken over.
    func reload(_ lines: [String]) throws {
        let before = try metrics()["config_version"]
        try file.write(ReloadingProcess.text(lines, admin))
        child.signal(SIGHUP)
        do {
            try eventuallyMetric("config_version") { $0 == before + 1 }
        } catch {
            throw Unmet("\(error)\n(the log ends: \(child.errors.suffix(8).joined(separator: "\n")))")
        }
    }

    /// The same for a file that is refused; returns the lines of the log that say why.
    func reloadRefused(_ lines: [String]) throws -> [String] {
        let refused = try metrics()["config_reloads_total", ["result": "refused"]]
        try file.write(ReloadingProcess.text(lines, admin))
        child.signal(SIGHUP)
        try eventuallyMetric("config_reloads_total", ["result": "refused"]) { $0 == refused + 1 }
        return try obtain("the reason in the log") {
            let lines = child.errors.filter { $0.contains("configuration not reloaded: ") }
            return lines.isEmpty ? nil : lines.map { String($0[$0.firstRange(of: "configuration not reloaded: ")!.upperBound...]) }
        }
    }
}

/// Runs `body` against a process that lives just as long. What a test throws is told with its log.
func withReloading(
    _ lines: [String], admin: String = "{ listen: \"127.0.0.1:0\" }", environment: [String: String] = [:],
    _ body: (ReloadingProcess) throws -> Void
) throws {
    let process = try ReloadingProcess(lines, admin: admin, environment: environment)
    defer { process.end() }
    do {
        try body(process)
    } catch {
        let fate = process.child.hasExited ? "the process had ended" : "the process was running"
        throw Unmet("\(error)\n(\(fate); its log ends: \(process.child.errors.suffix(8).joined(separator: "\n")))")
    }
}
