import Foundation

/// An answer of the admin server.
struct HTTPAnswer {
    let status: Int
    let headers: [String: String]
    let bytes: [UInt8]
    var body: String { String(decoding: bytes, as: UTF8.self) }
}

/// A process with an admin server.
protocol AdminServed {
    var adminPort: UInt16 { get }
}

extension SwitchyardProcess: AdminServed {}
extension FleetHub: AdminServed {}

extension AdminServed {
    func get(_ path: String, headers: [String] = []) throws -> HTTPAnswer { try adminGet(path, headers: headers, port: adminPort) }

    /// An action, with the token that tests use.
    func post(_ path: String) throws -> HTTPAnswer {
        try adminRequest("POST", path, headers: ["Authorization: Bearer hunter2", "Content-Length: 0"], port: adminPort)
    }

    func metrics() throws -> Metrics {
        let answer = try get("/metrics")
        guard answer.status == 200 else { throw Unmet("GET /metrics: \(answer.status)") }
        return Metrics(answer.body)
    }

    /// Waits until a metric, summed over the series that carry these labels, satisfies the test's wish.
    @discardableResult
    func eventuallyMetric(
        _ name: String, _ labels: [String: String] = [:], within limit: Duration = .seconds(10), _ wish: (Double) -> Bool
    ) throws -> Double {
        var seen = 0.0
        return try obtain("\(name)\(labels) as wished; it is \(seen)", within: limit) {
            seen = try metrics()[name, labels]
            return wish(seen) ? seen : nil
        }
    }
}

/// One GET, one connection.
func adminGet(_ path: String, headers: [String] = [], port: UInt16) throws -> HTTPAnswer {
    try adminRequest("GET", path, headers: headers, port: port)
}

/// One request, one connection.
/// - Parameter enough: ends an answer that would go on; what came until then is the body, and the status 0.
func adminRequest(
    _ method: String, _ path: String, headers: [String] = [], port: UInt16, until enough: (String) -> Bool = { _ in false }
) throws -> HTTPAnswer {
    let socket = try Socket(port: port)
    let request = ["\(method) \(path) HTTP/1.1", "Host: 127.0.0.1", "Connection: close"] + headers + ["", ""]
    try socket.write(Array(request.joined(separator: "\r\n").utf8))
    var bytes: [UInt8] = []
    reading: while true {
        switch socket.read(within: .seconds(10)) {
        case .bytes(let more):
            bytes += more
            if enough(String(decoding: bytes, as: UTF8.self)) { return HTTPAnswer(status: 0, headers: [:], bytes: bytes) }
        case .end, .reset: break reading
        case .silence: throw Unmet("the admin server does not answer \(method) \(path)")
        }
    }
    Leaks.search(bytes, of: "\(method) \(path)")
    guard let split = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
        throw Unmet("no HTTP answer: \(String(decoding: bytes.prefix(200), as: UTF8.self))")
    }
    let lines = String(decoding: bytes[..<split.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
    guard let status = lines.first.flatMap({ Int($0.split(separator: " ").dropFirst().first ?? "") }) else {
        throw Unmet("no HTTP status: \(lines.first ?? "")")
    }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
        guard let colon = line.firstIndex(of: ":") else { continue }
        headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    var body = Array(bytes[split.upperBound...])
    if headers["transfer-encoding"]?.lowercased() == "chunked" { body = try HTTPAnswer.joined(chunks: body) }
    return HTTPAnswer(status: status, headers: headers, bytes: body)
}

extension HTTPAnswer {
    fileprivate static func joined(chunks bytes: [UInt8]) throws -> [UInt8] {
        var rest = bytes[...]
        var body: [UInt8] = []
        while let end = rest.firstIndex(of: 13) {
            guard let size = Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16), rest.count >= end - rest.startIndex + 2 + size else {
                throw Unmet("a broken chunk")
            }
            if size == 0 { break }
            rest = rest[(end + 2)...]
            body += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
        }
        return body
    }
}
