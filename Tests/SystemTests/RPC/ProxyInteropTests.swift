import Foundation
import Testing
import Wire

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

        /// One server of Apache's libraries, and how a route speaks to it.
        struct Upstream: CustomTestStringConvertible, Sendable {
            var program: String
            var kind: String
            var transport: String
            var `protocol`: String
            var more = ""

            init(_ program: String, _ kind: String, _ transport: String, _ protocol: String, more: String = "") {
                self.program = program
                self.kind = kind
                self.transport = transport
                self.protocol = `protocol`
                self.more = more
            }

            var testDescription: String { "\(program) \(kind) \(transport) \(`protocol`) \(more)" }
        }

        /// Every form on each library, and every kind of server; the non-blocking ones are framed, and a simple one serves one connection at a time.
        private static let upstreams = [
            Upstream("thrift_server.py", "threaded", "framed", "binary", more: "inFlight: 16"),
            Upstream("thrift_server.py", "nonblocking", "framed", "compact"), Upstream("thrift_server.py", "simple", "buffered", "binary"),
            Upstream("thrift_server.py", "pool", "buffered", "compact"), Upstream("thrift_server.py", "threaded", "header", "binary"),
            Upstream("thrift_server.py", "pool", "header", "compact", more: "inFlight: 16"),
            Upstream("thrift_server", "nonblocking", "framed", "binary"), Upstream("thrift_server", "pool", "framed", "compact"),
            Upstream("thrift_server", "simple", "buffered", "binary"),
            Upstream("thrift_server", "threaded", "buffered", "compact", more: "inFlight: 16"),
            Upstream("thrift_server", "pool", "header", "binary", more: "inFlight: 16"), Upstream("thrift_server", "threaded", "header", "compact"),
        ]

        private func withServer(_ upstream: Upstream, service: String? = nil, _ body: (ProxyProcess) throws -> Void) throws {
            let arguments = ["--port", "0", "--server", upstream.kind, "--transport", upstream.transport, "--protocol", upstream.protocol]
            let server = try start(upstream.program, arguments + (service.map { ["--service", $0] } ?? []))
            defer { server.end() }
            let port = try SwitchyardProcess.port(in: ":" + server.outputLine("listening on ", within: .seconds(20)))
            let ours = upstream.transport == "buffered" ? "unframed" : upstream.transport
            let connections = upstream.kind == "simple" ? 1 : 4
            let route =
                "{ name: main, methods: [\"*\"], to: [\"127.0.0.1:\(port)\"], transport: \(ours), protocol: \(upstream.protocol), pools: 1, "
                + "connections: \(connections), timeout: 60s\(upstream.more.isEmpty ? "" : ", \(upstream.more)") }"
            let proxy = try ProxyProcess(routes: [route])
            defer { proxy.end() }
            try body(proxy)
            try proxy.expectNothingPending()
        }

        private func check(_ program: String, _ proxy: ProxyProcess, _ form: [String], _ more: [String] = []) throws {
            let client = try start(program, ["--port", "\(proxy.port)", "--transport", form[0], "--protocol", form[1]] + more)
            defer { client.end() }
            #expect(try client.exitCode(within: .seconds(120)) == 0, "\(program) \(form) \(more): \(client.errors.suffix(3))")
        }

        @Test("S21: Apache's clients in every form, through the proxy to Apache's servers in every form", arguments: upstreams)
        func everyForm(upstream: Upstream) throws {
            try withServer(upstream) { proxy in
                for form in ProxyInteropTests.forms { for program in ["thrift_client.py", "thrift_client"] { try check(program, proxy, form) } }
                // What the programs check by value was counted by kind: each had an unknown method, a declared exception, and answers.
                let metrics = try proxy.metrics()
                #expect(metrics["calls_total", ["outcome": "exception"]] == 32)
                #expect(metrics["calls_total"] == metrics["calls_total", ["outcome": "ok"]] + 32)
            }
        }

        @Test(
            "A body of 15 MiB passes between any two forms",
            arguments: [Upstream("thrift_server.py", "threaded", "buffered", "compact"), Upstream("thrift_server", "pool", "framed", "binary")])
        func large(upstream: Upstream) throws {
            // The C++ server closes a connection that has brought it 100 MiB in all, so it gets six of these.
            let few = [["framed", "binary"], ["buffered", "compact"], ["header", "binary"]]
            let forms = upstream.program == "thrift_server" ? few : ProxyInteropTests.forms
            try withServer(upstream) { proxy in
                for form in forms where form[1] != "nonstrict" {
                    for program in ["thrift_client.py", "thrift_client"] {
                        try check(program, proxy, form, ["--big", "\(15 << 20)", "--only", "rpc"])
                    }
                }
            }
        }

        @Test(
            "Multiplexed names pass, and their answers are what multiplexing clients expect",
            arguments: [Upstream("thrift_server.py", "pool", "framed", "compact"), Upstream("thrift_server", "threaded", "framed", "binary")])
        func multiplexed(upstream: Upstream) throws {
            try withServer(upstream, service: "games") { proxy in
                for form in ProxyInteropTests.forms {
                    for program in ["thrift_client.py", "thrift_client"] { try check(program, proxy, form, ["--service", "games"]) }
                }
            }
        }

        @Test("S2: a server process killed with -9 in the middle of 50 calls: each is answered `lost`, once, and another process takes over")
        func killed() throws {
            let first = try start("thrift_server.py", ["--port", "0", "--server", "threaded"])
            defer { first.end() }
            let port = try SwitchyardProcess.port(in: ":" + first.outputLine("listening on ", within: .seconds(20)))
            let proxy = try ProxyProcess(routes: [
                "{ name: main, methods: [\"*\"], to: [\"127.0.0.1:\(port)\"], pools: 1, connections: 50, timeout: 60s }"
            ])
            defer { proxy.end() }
            let client = try proxy.client()
            // Type -1 sleeps `sharding_id` milliseconds, here an hour.
            let sleep: [UInt8] = [12, 0, 1, 8, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 10, 0, 3, 0, 0, 0, 0, 0, 0x36, 0xEE, 0x80, 0, 0]
            for sequence in Int32(0)..<50 { try client.send(.call, "rpc", sequence, sleep) }
            try proxy.eventuallyMetric("calls_pending", ["state": "sent"]) { $0 == 50 }
            let start = ContinuousClock.now
            first.signal(SIGKILL)
            for sequence in Int32(0)..<50 {
                let answer = try client.message()
                #expect(answer.sequence == sequence)
                #expect(answer.code == "lost")
            }
            #expect(ContinuousClock.now - start < .seconds(5), "by the death, not by the timeout of 60 s")
            try client.expectNothing(for: .milliseconds(20))
            try proxy.expectNothingPending()
            let second = try self.start("thrift_server.py", ["--port", "\(port)", "--server", "threaded"])
            defer { second.end() }
            try eventually("the next process is found", within: .seconds(60)) {
                try client.send(99)
                return try client.message().code != "noPeer"
            }
        }
    }
}
