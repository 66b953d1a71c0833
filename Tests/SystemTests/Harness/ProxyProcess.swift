import Foundation

/// The real executable, running one RPC proxy.
final class ProxyProcess: Sendable {
    let child: ChildProcess
    let port: UInt16
    let adminPort: UInt16
    private let file: ConfigurationFile

    /// - Parameters:
    ///   - routes: one flow mapping for each route.
    ///   - proxy: further lines below `rpcProxy:`.
    init(routes: [String], proxy: [String] = [], top: [String] = ["loops: 1", "drainTimeout: 4s"]) throws {
        let lines =
            top + ["admin: { listen: \"127.0.0.1:0\" }", "rpcProxy:", "  listen: 127.0.0.1:0"] + proxy.map { "  \($0)" } + ["  routes:"]
            + routes.map { "    - \($0)" }
        file = try ConfigurationFile(lines.joined(separator: "\n") + "\n")
        child = try ChildProcess(SwitchyardProcess.binary(), ["up", "--config", file.path])
        do {
            port = try SwitchyardProcess.port(in: child.outputLine("rpcProxy listening on ", within: .seconds(10)))
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

    func client() throws -> ThriftPeer { ThriftPeer(try Socket(port: port)) }
    func metrics() throws -> Metrics { Metrics(try adminGet("/metrics", port: adminPort).body) }

    func eventuallyMetric(_ name: String, _ labels: [String: String] = [:], _ wish: (Double) -> Bool) throws {
        var seen = 0.0
        try eventually("\(name)\(labels) as wished; it is \(seen)") {
            seen = try metrics()[name, labels]
            return wish(seen)
        }
    }

    /// Nothing is kept for any call: what every fault must lead back to.
    func expectNothingPending() throws {
        try eventuallyMetric("calls_in_flight") { $0 == 0 }
        try eventuallyMetric("calls_pending") { $0 == 0 }
    }
}

/// Runs `body` against a proxy with one route to these upstreams: one connection to each, unless `more` says otherwise.
func withProxy<Result>(
    to upstreams: [Listener], _ more: String = "", proxy: [String] = [], top: [String] = ["loops: 1", "drainTimeout: 4s"],
    _ body: (ProxyProcess) throws -> Result
) throws -> Result {
    let to = upstreams.map { "\"127.0.0.1:\($0.port)\"" }.joined(separator: ", ")
    var route = "{ name: main, methods: [\"*\"], to: [\(to)]"
    for (key, value) in [("pools", "1"), ("connections", "1"), ("timeout", "10s")] where !more.contains("\(key):") { route += ", \(key): \(value)" }
    route += more.isEmpty ? " }" : ", \(more) }"
    let process = try ProxyProcess(routes: [route], proxy: proxy, top: top)
    defer { process.end() }
    do {
        return try body(process)
    } catch {
        throw Unmet("\(error)\n(the proxy's log ends: \(process.child.errors.suffix(8).joined(separator: "\n")))")
    }
}
