import Foundation
import Testing
import Wire

extension SystemTests {
    /// The commands that talk to a gateway (config).
    @Suite struct CommandTests {
        private func run(_ arguments: String...) throws -> (code: Int32, output: [String], errors: String) {
            let child = try ChildProcess(SwitchyardProcess.binary(), arguments)
            defer { child.end() }
            let code = try child.exitCode()
            return (code, child.output, child.errors.joined(separator: "\n"))
        }

        @Test("send: prints the answer's body, as text or as hex, and exits 0")
        func send() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(routes: [Configuration.route("echo", "7", upstream)])) { gateway in
                let to = "127.0.0.1:\(gateway.port)"
                let text = try run("send", "--to", to, "--type", "7", "--body", "hello")
                #expect(text.code == 0 && text.output == ["hello"] && text.errors.isEmpty)
                let hex = try run("send", "--to", to, "--type", "7", "--hex", "ff00fe")
                #expect(hex.code == 0 && hex.output.map { $0.lowercased() } == ["ff00fe"])
                let empty = try run("send", "--to", to, "--type", "7")
                #expect(empty.code == 0 && empty.output == [""])
            }
        }

        @Test("send: UNDELIVERED and silence are exit 1, with code and reason on stderr")
        func undelivered() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(routes: [Configuration.route("mute", "7", upstream)])) { gateway in
                let to = "127.0.0.1:\(gateway.port)"
                let refused = try run("send", "--to", to, "--type", "8", "--body", "hello")
                #expect(refused.code == 1 && refused.output.isEmpty && refused.errors.contains("noRoute"))
                let silent = try run("send", "--to", to, "--type", "7", "--body", "hello", "--wait", "300ms")
                #expect(silent.code == 1 && silent.output.isEmpty && !silent.errors.isEmpty)
                #expect(upstream.packets.map(\.text) == ["hello"])
            }
        }

        @Test("call: prints the content of a Thrift server's answer, as text or as hex, and exits 0")
        func call() throws {
            try withThriftServer { to in
                let text = try run("call", "--to", to, "--type", "7", "--body", "hello", "--sharding", "42")
                #expect(text.code == 0 && text.output == ["olleh"] && text.errors == "result: 42", "\(text)")
                let hex = try run("call", "--to", to, "--type", "7", "--hex", "ff 00 fe", "--transport", "header", "--protocol", "compact")
                #expect(hex.code == 0 && hex.output == ["fe00ff"] && hex.errors.isEmpty, "\(hex)")
            }
        }

        @Test("call: an exception, silence and nobody there are exit 1, each with one line on stderr")
        func unanswered() throws {
            try withThriftServer { to in
                let unknown = try run("call", "--to", to, "--type", "7", "--method", "unheard")
                #expect(unknown.code == 1 && unknown.output.isEmpty && unknown.errors == "exception 1: noRoute: there is no method unheard")
                let silent = try run("call", "--to", to, "--type", "-1", "--sharding", "60000", "--wait", "300ms")
                #expect(silent.code == 1 && silent.output.isEmpty && silent.errors == "deadline: no answer within 300ms from \(to)")
            }
            let nobody = try Listener(up: false)
            let absent = try run("call", "--to", "127.0.0.1:\(nobody.port)", "--type", "7")
            #expect(absent.code == 1 && absent.output.isEmpty, "\(absent)")
            #expect(absent.errors.hasPrefix("noPeer: ") && absent.errors.contains("refused"), "\(absent)")
            #expect(try run("call", "--body", "no type").code == 64)
        }

        /// The library's server of `Tests/Interop` for the time of `body`, which is given its address.
        private func withThriftServer(_ body: (String) throws -> Void) throws {
            let server = try ChildProcess(packageProgram("interop-server"), [])
            defer { server.end() }
            try body(server.outputLine("listening on "))
        }

        @Test("top, trace: without the token, or with a wrong one, they end with 1 and one line, every time")
        func refused() throws {
            var configuration = Configuration()
            configuration.admin = "{ listen: \"127.0.0.1:0\", token: env:SWITCHYARD_TEST_TOKEN }"
            let secrets = ["SWITCHYARD_TEST_TOKEN": "hunter2-of-the-server", "SWITCHYARD_WRONG_TOKEN": "hunter3-of-a-stranger"]
            try withGateway(configuration, environment: secrets) { gateway in
                let address = "127.0.0.1:\(gateway.adminPort)"
                for _ in 0..<10 {
                    for words in [["top", "--once"], ["trace", "--user", "1"]] {
                        for (token, line) in [
                            ([], "\(address) needs the admin token; give it with --token env:NAME or file:PATH"),
                            (["--token", "env:SWITCHYARD_WRONG_TOKEN"], "the token is wrong"),
                        ] {
                            let child = try ChildProcess(
                                SwitchyardProcess.binary(), words + ["--admin", address] + token, environment: secrets)
                            defer { child.end() }
                            #expect(try child.exitCode() == 1)
                            #expect(child.output.isEmpty && child.errors == [line], "\(words) \(token): \(child.errors)")
                        }
                    }
                }
            }
        }

        @Test("up: --set overrides one value of the file")
        func set() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            let file = try ConfigurationFile(Configuration(to: upstream).yaml)
            defer { file.remove() }
            let settings = ["--set", "gateway.esID=77", "--set", "gateway.verify=stamp"]
            let child = try ChildProcess(SwitchyardProcess.binary(), ["up", "--config", file.path] + settings)
            defer { child.end() }
            let client = try PacketClient(port: SwitchyardProcess.port(in: child.outputLine("gateway listening on ")))
            #expect(try client.exchange(Packet(100)).header.es == 77)
        }

        @Test("decode: names a packet's fields")
        func decode() throws {
            let hex = Packet(Reject(.draining), session: 0xABCD).encoded().map { String(format: "%02x", $0) }.joined()
            let result = try run("decode", hex)
            #expect(result.code == 0)
            let text = result.output.joined(separator: "\n")
            #expect(text.contains("REJECT") && text.contains("draining"))
        }
    }
}
