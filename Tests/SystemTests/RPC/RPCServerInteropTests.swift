import Foundation
import Testing

extension SystemTests {
    /// The library's Thrift server, called by Apache Thrift's own libraries.
    @Suite(.enabled(if: ApachePrograms.arePrepared, "run Tests/Interop/prepare"))
    struct RPCServerInteropTests {
        /// The library's server of `protoservice.thrift` for the time of `body`, which is given its port.
        private func withServer(_ body: (UInt16) throws -> Void) throws {
            let server = try ChildProcess(packageProgram("interop-server"), [])
            defer { server.end() }
            try body(SwitchyardProcess.port(in: server.outputLine("listening on ")))
        }

        @Test(
            "Apache's Python and C++ clients: calls, oneway, nested structures, declared exceptions, unknown methods, in every form",
            arguments: ApachePrograms.forms)
        func everyForm(form: ApachePrograms.Form) throws {
            try withServer { port in
                for client in ApachePrograms.clients {
                    try ApachePrograms.run(client, ["--port", "\(port)"] + form.options)
                }
            }
        }

        @Test("bodies of 15 MiB pass in every form", arguments: ApachePrograms.forms)
        func large(form: ApachePrograms.Form) throws {
            try withServer { port in
                for client in ApachePrograms.clients {
                    let options = ["--port", "\(port)", "--only", "rpc", "--big", "\(15 << 20)"] + form.options
                    try ApachePrograms.run(client, options)
                }
            }
        }

        @Test("multiplexed names find their methods", arguments: ApachePrograms.forms)
        func multiplexed(form: ApachePrograms.Form) throws {
            try withServer { port in
                for client in ApachePrograms.clients {
                    try ApachePrograms.run(client, ["--port", "\(port)", "--service", "ProtoService"] + form.options)
                }
            }
        }

        @Test("forty clients at once, in every form")
        func crowd() throws {
            try withServer { port in
                let clients = try (0..<40).map { index in
                    let form = ApachePrograms.forms[index % ApachePrograms.forms.count]
                    return try ApachePrograms.start("thrift_client", ["--port", "\(port)", "--only", "rpc"] + form.options)
                }
                defer { for client in clients { client.end() } }
                for client in clients { #expect(try client.exitCode(within: .seconds(120)) == 0, "\(client.errors.suffix(3))") }
            }
        }

        @Test("the example server answers them, and leaves in order at SIGTERM")
        func example() throws {
            // A port that is bound and not listened on is nobody else's, and the server may have it.
            let reserved = try Listener(up: false)
            let port = reserved.port
            let server = try ChildProcess(packageProgram("thrift-server"), ["127.0.0.1:\(port)"])
            defer { server.end() }
            try eventually("it listens") { (try? Socket(port: port)) != nil }
            for client in ApachePrograms.clients {
                try ApachePrograms.run(client, ["--port", "\(port)", "--only", "rpc"])
            }
            server.signal(SIGTERM)
            #expect(try server.exitCode(within: .seconds(40)) == 0)
        }
    }
}
