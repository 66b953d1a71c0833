import Foundation
import Testing
import Wire

/// The real executable, running one hub on ports of its own, so that it comes back where it was.
final class FleetHub: Sendable {
    let child: ChildProcess
    let adminPort: UInt16
    let file: ConfigurationFile

    static let token = ["HUB_TOKEN": "a token for tests"]

    /// - Parameters:
    ///   - place: where it listens.
    ///   - more: lines below `hub:`.
    init(_ place: HubPlace, more: [String] = [], command: [String] = []) throws {
        var lines = ["name: hub-\(place.edges)", "loops: 2", "drainTimeout: 20s", "admin: { listen: \(place.admin) }", "hub:"]
        lines += [
            "  edges: { listen: \(place.host):\(place.edges) }", "  services: { listen: \(place.host):\(place.services) }", "  token: env:HUB_TOKEN",
        ]
        lines += more.map { "  \($0)" }
        file = try ConfigurationFile(lines.joined(separator: "\n") + "\n")
        let words = command + [try SwitchyardProcess.binary(), "up", "--config", file.path]
        child = try ChildProcess(words[0], Array(words.dropFirst()), environment: FleetHub.token)
        do {
            _ = try child.outputLine("hub edges listening on ")
            _ = try child.outputLine("hub services listening on ")
            adminPort = try SwitchyardProcess.port(in: child.outputLine("admin listening on "))
        } catch {
            child.end()
            file.remove()
            throw error
        }
    }

    func signal(_ number: Int32) { child.signal(number) }

    func end() {
        child.end()
        file.remove()
    }
}

/// Where a hub listens.
struct HubPlace: Sendable {
    var host = "127.0.0.1"
    let edges: UInt16
    let services: UInt16
    var admin = "127.0.0.1:0"

    init(edges: UInt16, services: UInt16) {
        self.edges = edges
        self.services = services
    }

    /// Two ports that stay free until a hub takes them.
    init() throws { (edges, services) = (try Listener.quietPort(), try Listener.quietPort()) }
}

/// One of the example services, which answer in capital letters.
final class ServiceProcess: Sendable {
    let child: ChildProcess
    let node: Int

    /// The programs that do the same.
    enum Kind: Sendable { case python, swift }

    init(_ kind: Kind, node: Int, hubs: [HubPlace]) throws {
        self.node = node
        guard kind == .python else {
            let to = hubs.map { "\($0.host):\($0.services)" }
            child = try ChildProcess(ServiceProcess.swiftProgram(), [String(node)] + to, environment: FleetHub.token)
            return
        }
        let file = SwitchyardProcess.packageFile("Examples/python/hub_service.py")
        let to = hubs.flatMap { ["--hub", "\($0.host):\($0.services)"] }
        child = try ChildProcess(
            "python3", [file] + to + ["--types", "100-199", "--node", String(node), "--token", "HUB_TOKEN", "--name", "service-\(node)"],
            environment: FleetHub.token)
    }

    /// Built with the tests, beside the executable that they start or as they are.
    private static func swiftProgram() throws -> String {
        for build in ["release", "debug"] {
            let path = SwitchyardProcess.packageFile(".build/\(build)/capitals-service")
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        throw Unmet("no capitals-service: run swift build")
    }

    func signal(_ number: Int32) { child.signal(number) }
    func end() { child.end() }
}
