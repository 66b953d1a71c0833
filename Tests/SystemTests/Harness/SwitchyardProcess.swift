import Foundation
import Testing
import Wire

/// The real executable, running one gateway.
final class SwitchyardProcess: Sendable {
    let child: ChildProcess
    /// Of the clients' listener.
    let port: UInt16
    /// Of the admin server.
    let adminPort: UInt16
    /// The file that it was started with.
    let file: ConfigurationFile

    /// Starts `up --config` and waits for its lines.
    /// - Parameters:
    ///   - command: what starts the executable in its place.
    ///   - announced: how long they may take.
    init(
        _ configuration: Configuration, environment: [String: String] = [:], command: [String] = [], announced limit: Duration = .seconds(10)
    ) throws {
        file = try ConfigurationFile(configuration.yaml)
        let words = command + [try SwitchyardProcess.binary(), "up", "--config", file.path]
        child = try ChildProcess(words[0], Array(words[1...]), environment: environment)
        do {
            port = try SwitchyardProcess.port(in: child.outputLine("gateway listening on ", within: limit))
            adminPort = try SwitchyardProcess.port(in: child.outputLine("admin listening on ", within: limit))
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

    func client(format: WireFormat = .standard, receiveBuffer: Int32? = nil, source: String? = nil) throws -> PacketClient {
        try PacketClient(port: port, format: format, receiveBuffer: receiveBuffer, source: source)
    }

    /// Clients that the gateway has taken: each has had an answer.
    func clients(_ count: Int) throws -> [PacketClient] {
        try (0..<count).map { _ in
            let client = try client()
            try client.expectNothing()
            return client
        }
    }

    func signal(_ number: Int32) { child.signal(number) }
    func exitCode(within limit: Duration = .seconds(10)) throws -> Int32 { try child.exitCode(within: limit) }

    /// A line of the log that holds all of the words, once it is there.
    @discardableResult
    func logLine(_ words: String..., within limit: Duration = .seconds(5)) throws -> String {
        try obtain("a log line with \(words); the log: \(child.errors.suffix(20))", within: limit) {
            child.errors.first { line in words.allSatisfy { line.localizedCaseInsensitiveContains($0) } }
        }
    }

    /// `SWITCHYARD_BINARY`, else the package's release build, else its debug build.
    static func binary() throws -> String {
        if let path = ProcessInfo.processInfo.environment["SWITCHYARD_BINARY"] { return path }
        for build in ["release", "debug"] {
            let path = packageFile(".build/\(build)/switchyard")
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        throw Unmet("no switchyard executable: build it, or set SWITCHYARD_BINARY")
    }

    /// A file of the package that these tests are part of.
    static func packageFile(_ path: String) -> String {
        var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        while folder.lastPathComponent != "Tests", folder.path != "/" { folder.deleteLastPathComponent() }
        return folder.deletingLastPathComponent().appendingPathComponent(path).path
    }

    /// The port at the end of `HOST:PORT`.
    static func port(in address: String) throws -> UInt16 {
        guard let digits = address.split(separator: ":").last, let port = UInt16(digits.prefix { $0.isNumber }), port != 0 else {
            throw Unmet("no port in `\(address)`")
        }
        return port
    }
}

/// Runs `body` against a gateway that lives just as long. What a test throws is told with the gateway's log.
func withGateway<Result>(
    _ configuration: Configuration, environment: [String: String] = [:], command: [String] = [], _ body: (SwitchyardProcess) throws -> Result
) throws -> Result {
    let gateway = try SwitchyardProcess(configuration, environment: environment, command: command)
    defer { gateway.end() }
    do {
        return try body(gateway)
    } catch {
        let fate = gateway.child.hasExited ? "gateway had ended" : "gateway was running"
        throw Unmet("\(error)\n(\(fate); its log ends: \(gateway.child.errors.suffix(8).joined(separator: "\n")))")
    }
}
