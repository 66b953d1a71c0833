import Foundation

/// The programs of `Tests/Interop`, whose codec is Apache Thrift's.
enum ApachePrograms {
    /// `Tests/Interop/prepare` has built them.
    static var arePrepared: Bool { FileManager.default.fileExists(atPath: SwitchyardProcess.packageFile(".build-interop/thrift_client")) }

    /// A transport and a protocol by the programs' names.
    struct Form: Sendable, CustomStringConvertible {
        var transport: String
        var `protocol`: String
        var description: String { "\(transport) \(`protocol`)" }
        var options: [String] { ["--transport", transport, "--protocol", `protocol`] }
    }

    static let forms = ["framed", "buffered", "header"].flatMap { transport in
        ["binary", "nonstrict", "compact"].filter { transport != "header" || $0 != "nonstrict" }.map { Form(transport: transport, protocol: $0) }
    }

    /// Python's and C++'s.
    static let clients = ["thrift_client.py", "thrift_client"]

    static func start(_ program: String, _ arguments: [String]) throws -> ChildProcess {
        if program.hasSuffix(".py") {
            let python = SwitchyardProcess.packageFile(".build-interop/venv/bin/python")
            return try ChildProcess(python, [SwitchyardProcess.packageFile("Tests/Interop/\(program)")] + arguments)
        }
        return try ChildProcess(SwitchyardProcess.packageFile(".build-interop/\(program)"), arguments)
    }

    /// Runs a client to its end; one that is not content fails the test.
    static func run(_ client: String, _ arguments: [String]) throws {
        let child = try start(client, arguments)
        defer { child.end() }
        let code = try child.exitCode(within: .seconds(120))
        if code != 0 || child.output != ["ok"] { throw Unmet("\(client) \(arguments.joined(separator: " ")): \(code), \(child.errors.suffix(3))") }
    }
}

/// An executable of this package that is built with the tests.
func packageProgram(_ name: String) -> String {
    URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0]).deletingLastPathComponent().appendingPathComponent(name).path
}
