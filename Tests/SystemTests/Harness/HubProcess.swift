import Foundation
import NIOCore
import Testing
import Wire

/// The real executable, running one hub.
final class HubProcess: Sendable {
    let child: ChildProcess
    let edges: UInt16
    let services: UInt16
    let adminPort: UInt16
    private let file: ConfigurationFile

    /// - Parameter hub: further lines below `hub:`.
    init(hub: [String] = [], top: [String] = ["loops: 2", "drainTimeout: 3s"], environment: [String: String] = [:]) throws {
        let lines =
            top + ["admin: { listen: \"127.0.0.1:0\" }", "hub:", "  edges: { listen: \"127.0.0.1:0\" }", "  services: { listen: \"127.0.0.1:0\" }"]
            + hub.map { "  \($0)" }
        file = try ConfigurationFile(lines.joined(separator: "\n") + "\n")
        child = try ChildProcess(SwitchyardProcess.binary(), ["up", "--config", file.path], environment: environment)
        do {
            edges = try SwitchyardProcess.port(in: child.outputLine("hub edges listening on ", within: .seconds(10)))
            services = try SwitchyardProcess.port(in: child.outputLine("hub services listening on ", within: .seconds(10)))
            adminPort = try SwitchyardProcess.port(in: child.outputLine("admin listening on ", within: .seconds(10)))
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

    /// A link that has said nothing.
    func link(_ role: Role) throws -> PacketClient { try PacketClient(port: role == .edge ? edges : services) }

    /// A registered member, with the PEERS that came with its WELCOME.
    func join(_ hello: Hello) throws -> PacketClient {
        let link = try link(Role(rawValue: hello.role) ?? .edge)
        try link.send(Packet(hello))
        _ = try link.receive().read(Welcome.self)
        _ = try link.receive().read(Peers.self)
        return link
    }

    func edge(_ es: UInt32, cluster: UInt32 = 1, token: String = "", flags: Hello.Flags = []) throws -> PacketClient {
        try join(Hello(role: .edge, flags: flags, cluster: cluster, node: UInt64(es), token: Array(token.utf8), name: "edge \(es)"))
    }

    func service(
        _ node: UInt64, _ types: ClosedRange<UInt32>..., cluster: UInt32 = 1, token: String = "", flags: Hello.Flags = []
    ) throws -> PacketClient {
        try join(
            Hello(
                role: .service, flags: flags, cluster: cluster, node: node, claims: types.map { Claim($0.lowerBound, $0.upperBound) },
                token: Array(token.utf8), name: "service \(node)"))
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

extension PacketClient {
    /// The next packet that is no PEERS and no PING.
    func word(within limit: Duration = .seconds(10)) throws -> Packet {
        while true {
            let packet = try receive(within: limit)
            if packet.control != .peers, packet.control != .ping { return packet }
        }
    }

    /// Waits for PEERS that say this.
    func awaitPeers(_ wish: (Peers) -> Bool) throws {
        while true {
            let packet = try receive()
            if packet.control == .peers, wish(try packet.read(Peers.self)) { return }
        }
    }
}

func withHub<Result>(
    hub: [String] = [], top: [String] = ["loops: 2", "drainTimeout: 3s"], environment: [String: String] = [:], _ body: (HubProcess) throws -> Result
) throws -> Result {
    let hub = try HubProcess(hub: hub, top: top, environment: environment)
    defer { hub.end() }
    do {
        return try body(hub)
    } catch {
        throw Unmet("\(error)\n(the hub's log ends: \(hub.child.errors.suffix(8).joined(separator: "\n")))")
    }
}
