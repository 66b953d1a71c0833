import Foundation
import Testing

/// The programs of `Tests/Interop`.
enum InteropPrograms {
    static var arePrepared: Bool { FileManager.default.fileExists(atPath: SwitchyardProcess.packageFile(".build-interop/venv/done")) }
}

extension SystemTests {
    /// Apache Thrift's own libraries on both sides of the proxy; `Tests/Interop/prepare` builds them.
    @Suite(.enabled(if: InteropPrograms.arePrepared, "run Tests/Interop/prepare"))
    struct ProxyInteropTests {
        private static let python = SwitchyardProcess.packageFile(".build-interop/venv/bin/python")
        private static let forms = [
            ["framed", "binary"], ["framed", "nonstrict"], ["framed", "compact"], ["buffered", "binary"], ["buffered", "nonstrict"],
            ["buffered", "compact"], ["header", "binary"], ["header", "compact"],
        ]

        private func start(_ program: String, _ arguments: [String]) throws -> ChildProcess {
            if program.hasSuffix(".py") {
                return try ChildProcess(ProxyInteropTests.python, [SwitchyardProcess.packageFile("Tests/Interop/\(program)")] + arguments)
            }
            return try ChildProcess(SwitchyardProcess.packageFile(".build-interop/\(program)"), arguments)
        }

        @Test(
            "Apache's clients in every form, through the proxy to Apache's servers",
            arguments: [
                ("thrift_server.py", "threaded", "framed", "binary"), ("thrift_server.py", "pool", "buffered", "compact"),
                ("thrift_server", "pool", "framed", "compact"), ("thrift_server", "nonblocking", "framed", "binary"),
                ("thrift_server", "threaded", "header", "compact"), ("thrift_server", "simple", "buffered", "binary"),
            ])
        func everyForm(server: String, kind: String, transport: String, protocol: String) throws {
            let arguments = ["--port", "0", "--server", kind, "--transport", transport, "--protocol", `protocol`]
            let upstream = try start(server, arguments)
            defer { upstream.end() }
            let port = try SwitchyardProcess.port(in: ":" + upstream.outputLine("listening on ", within: .seconds(20)))
            let ours = transport == "buffered" ? "unframed" : transport
            // A simple server has one connection at a time.
            let route =
                "{ name: main, methods: [\"*\"], to: [\"127.0.0.1:\(port)\"], transport: \(ours), protocol: \(`protocol`), pools: 1, "
                + "connections: \(kind == "simple" ? 1 : 4) }"
            let proxy = try ProxyProcess(routes: [route])
            defer { proxy.end() }
            for form in ProxyInteropTests.forms {
                for program in ["thrift_client.py", "thrift_client"] {
                    let client = try start(program, ["--port", "\(proxy.port)", "--transport", form[0], "--protocol", form[1]])
                    defer { client.end() }
                    #expect(try client.exitCode(within: .seconds(60)) == 0, "\(program) \(form): \(client.errors.suffix(3))")
                }
            }
            try proxy.expectNothingPending()
        }
    }
}
