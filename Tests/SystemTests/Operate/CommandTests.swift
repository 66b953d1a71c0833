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
