import Foundation

/// A configuration file in the making: every port is 0, so that tests never meet.
struct Configuration {
    /// Lines at the top level.
    var top: [String]
    /// Lines below `gateway:`.
    var gateway: [String]
    /// One flow mapping for each route.
    var routes: [String]
    var listen = "127.0.0.1:0"
    var admin = "{ listen: 127.0.0.1:0 }"

    init(routes: [String] = [], gateway: [String] = [], top: [String] = []) {
        self.routes = routes
        self.gateway = gateway
        self.top = top
    }

    /// One route `echo` for the types 100 to 199, and whatever else is said.
    init(to upstream: UpstreamServer, _ more: String = "", gateway: [String] = [], top: [String] = []) {
        self.init(routes: [Configuration.route("echo", "100-199", upstream, more)], gateway: gateway, top: top)
    }

    static func route(_ name: String, _ types: String, _ upstreams: UpstreamServer..., more: String = "") -> String {
        let to = upstreams.map(\.address).joined(separator: ", ")
        return "{ name: \(name), types: [\(types)], to: [\(to)]\(more.isEmpty ? "" : ", " + more) }"
    }

    static func route(_ name: String, _ types: String, _ upstream: UpstreamServer, _ more: String) -> String {
        route(name, types, upstream, more: more)
    }

    var yaml: String {
        var lines = top
        for (key, value) in [("loops", "2"), ("drainTimeout", "2s")] where !top.contains(where: { $0.hasPrefix("\(key):") }) {
            lines.append("\(key): \(value)")
        }
        if !admin.isEmpty { lines.append("admin: \(admin)") }
        lines.append("gateway:")
        lines.append("  listen: \(listen)")
        lines += gateway.map { "  \($0)" }
        if !routes.isEmpty {
            lines.append("  routes:")
            lines += routes.map { "    - \($0)" }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// A configuration file on disk.
struct ConfigurationFile: Sendable {
    let path: String

    init(_ text: String) throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("switchyard-\(UUID().uuidString).yaml").path
        try write(text)
    }

    func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
