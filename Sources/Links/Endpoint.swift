/// Where to listen or to dial: `host:port`, `[v6]:port` or `unix:/path`. Source: config, introduction.
public enum Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// A TCP port: of a name or an address, without the brackets that IPv6 has in text.
    case host(String, port: Int)
    /// A Unix socket.
    case unix(path: String)

    /// Reads the three forms; nil for anything else, a port outside 0 ... 65,535 included.
    public init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard !path.isEmpty else { return nil }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let port = Int(digits), port <= 65535 else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self = .host(host, port: port)
    }

    public var description: String {
        switch self {
        case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// Whether only this machine can reach it.
    public var isLoopback: Bool {
        switch self {
        case .unix: true
        case .host(let host, _):
            host == "localhost" || host == "::1" || (host.hasPrefix("127.") && host.allSatisfy { $0 == "." || ("0"..."9").contains($0) })
        }
    }
}
