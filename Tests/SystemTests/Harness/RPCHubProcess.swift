import Foundation
import Testing
import Wire

/// The real executable, running one RPC hub.
final class RPCHubProcess: Sendable {
    let child: ChildProcess
    let callers: UInt16
    let agents: UInt16
    let adminPort: UInt16
    private let file: ConfigurationFile

    /// - Parameters:
    ///   - hub: further lines below `rpcHub:`.
    ///   - ports: of callers and agents; 0 lets the system choose.
    ///   - command: what starts the executable in its place.
    init(
        hub: [String] = [], top: [String] = ["loops: 2", "drainTimeout: 5s"], ports: (callers: UInt16, agents: UInt16) = (0, 0),
        environment: [String: String] = [:], command: [String] = []
    ) throws {
        let lines =
            top + [
                "admin: { listen: \"127.0.0.1:0\" }", "rpcHub:", "  callers: { listen: \"127.0.0.1:\(ports.callers)\" }",
                "  agents: { listen: \"127.0.0.1:\(ports.agents)\" }",
            ] + hub.map { "  \($0)" }
        file = try ConfigurationFile(lines.joined(separator: "\n") + "\n")
        let words = command + [try SwitchyardProcess.binary(), "up", "--config", file.path]
        child = try ChildProcess(words[0], Array(words.dropFirst()), environment: environment)
        do {
            callers = try SwitchyardProcess.port(in: child.outputLine("rpcHub callers listening on ", within: .seconds(20)))
            agents = try SwitchyardProcess.port(in: child.outputLine("rpcHub agents listening on ", within: .seconds(20)))
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

    /// A registered caller, with WELCOME and the first PEERS read.
    func caller(_ node: UInt64 = 77, token: String = "") throws -> RPCPeer {
        let peer = try RPCPeer(port: callers, node: node)
        try peer.send(RPCFrame(.hello, Hello(role: .caller, node: node, token: Array(token.utf8), name: "caller \(node)")))
        try welcome(peer)
        return peer
    }

    /// A registered agent.
    func agent(_ node: UInt64 = 5, _ ids: ClosedRange<UInt32> = 10...19, window: UInt32 = 0, token: String = "") throws -> RPCPeer {
        let peer = try RPCPeer(port: agents, node: node)
        try peer.send(RPCHubProcess.hello(agent: node, ids, window: window, token: token))
        try welcome(peer)
        return peer
    }

    static func hello(agent node: UInt64, _ ids: ClosedRange<UInt32>..., window: UInt32 = 0, token: String = "") -> RPCFrame {
        let claims = ids.map { Claim($0.lowerBound, $0.upperBound) }
        return RPCFrame(.hello, Hello(role: .agent, node: node, window: window, claims: claims, token: Array(token.utf8), name: "agent \(node)"))
    }

    private func welcome(_ peer: RPCPeer) throws {
        let words = [RPCKind.welcome, .peers]
        for kind in words {
            guard let frame = try peer.next() else { throw Unmet("the hub closed where \(kind.name) was expected") }
            guard frame.header.kind == kind.rawValue else { throw Unmet("expected \(kind.name), got \(frame.header) \(frame.reason)") }
        }
    }

    func metrics() throws -> Metrics { Metrics(try adminGet("/metrics", port: adminPort).body) }

    func eventuallyMetric(
        _ name: String, _ labels: [String: String] = [:], within limit: Duration = .seconds(10), _ wish: (Double) -> Bool
    ) throws {
        var seen = 0.0
        try eventually("\(name)\(labels) as wished; it is \(seen)", within: limit) {
            seen = try metrics()[name, labels]
            return wish(seen)
        }
    }

    /// Nothing is kept for any call: what every fault must lead back to.
    func expectNothingOpen() throws { try eventuallyMetric("calls_in_flight") { $0 == 0 } }
}

/// Runs `body` against an RPC hub that lives just as long. What a test throws is told with the hub's log.
func withRPCHub<Result>(
    hub: [String] = [], top: [String] = ["loops: 2", "drainTimeout: 5s"], environment: [String: String] = [:],
    command: [String] = [], _ body: (RPCHubProcess) throws -> Result
) throws -> Result {
    let process = try RPCHubProcess(hub: hub, top: top, environment: environment, command: command)
    defer { process.end() }
    do {
        return try body(process)
    } catch {
        let fate = process.child.hasExited ? "the hub had ended" : "the hub was running"
        throw Unmet("\(error)\n(\(fate); its log ends: \(process.child.errors.suffix(8).joined(separator: "\n")))")
    }
}
