import Foundation
import Testing
import Wire

/// The real executable, running one RPC agent.
final class AgentProcess: Sendable {
    let child: ChildProcess
    let adminPort: UInt16
    private let file: ConfigurationFile

    /// - Parameters:
    ///   - hubs: the ports of hubs for agents.
    ///   - upstream: the Thrift server's port.
    ///   - agent: further lines below `rpcAgent:`.
    ///   - more: further keys of `upstream`.
    ///   - command: what starts the executable in its place.
    init(
        hubs: [UInt16], ids: String = "10-19", upstream: UInt16, agent: [String] = [], more: String = "", token: Bool = false,
        top: [String] = ["drainTimeout: 5s"], environment: [String: String] = [:],
        command: [String] = []
    ) throws {
        let to = hubs.map { "\"127.0.0.1:\($0)\"" }.joined(separator: ", ")
        let lines =
            top + [
                "admin: { listen: \"127.0.0.1:0\" }", "rpcAgent:", "  hubs: { to: [\(to)]\(token ? ", token: env:HUB_TOKEN" : "") }",
                "  rpcIDs: [\(ids)]", "  upstream: { to: [\"127.0.0.1:\(upstream)\"]\(more.isEmpty ? "" : ", " + more) }",
            ] + agent.map { "  \($0)" }
        file = try ConfigurationFile(lines.joined(separator: "\n") + "\n")
        let words = command + [try SwitchyardProcess.binary(), "up", "--config", file.path]
        child = try ChildProcess(words[0], Array(words.dropFirst()), environment: FleetHub.token.merging(environment) { $1 })
        do {
            adminPort = try SwitchyardProcess.port(in: child.outputLine("admin listening on ", within: .seconds(20)))
        } catch {
            child.end()
            file.remove()
            throw error
        }
    }

    func end() {
        child.end()
        file.remove()
    }

    func metrics() throws -> Metrics { Metrics(try adminGet("/metrics", port: adminPort).body) }

    func eventuallyMetric(_ name: String, _ labels: [String: String] = [:], _ wish: (Double) -> Bool) throws {
        var seen = 0.0
        try eventually("\(name)\(labels) as wished; it is \(seen)") {
            seen = try metrics()[name, labels]
            return wish(seen)
        }
    }
}

/// The Thrift server of `Tests/Interop`, on Apache Thrift's Python library, which knows nothing of Switchyard.
final class ApacheServer: Sendable {
    static var isPrepared: Bool { FileManager.default.fileExists(atPath: SwitchyardProcess.packageFile(".build-interop/venv/done")) }

    let child: ChildProcess
    let port: UInt16

    init(_ kind: String = "threaded", transport: String = "framed", protocol: String = "binary", port: UInt16 = 0) throws {
        let python = SwitchyardProcess.packageFile(".build-interop/venv/bin/python")
        let file = SwitchyardProcess.packageFile("Tests/Interop/thrift_server.py")
        child = try ChildProcess(
            python, [file, "--port", "\(port)", "--server", kind, "--transport", transport, "--protocol", `protocol`])
        self.port = try SwitchyardProcess.port(in: ":" + child.outputLine("listening on ", within: .seconds(20)))
    }

    func end() { child.end() }
}
