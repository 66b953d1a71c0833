import Foundation
import Testing

extension SystemTests {
    /// A signal that comes while the process still starts.
    @Suite struct StartTests {
        @Test("S25: SIGTERM while an upstream is dialed for the first time ends the process in order, with 0; nothing is announced or starts then")
        func whileStarting() throws {
            // Whose turn comes after the gateway.
            let later = try Listener()
            // Several times, since what must not start has little time to: the process ends.
            for _ in 0..<6 {
                // It takes the connection and says nothing, so the handshake lasts as long as an attempt may. One for each process: the last one may have
                // dialed once more on its way out.
                let silent = try Listener()
                var configuration = Configuration(
                    routes: ["{ name: main, types: [100-199], to: [\"127.0.0.1:\(silent.port)\"], legacy: true, tls: { name: silent.example } }"])
                configuration.top = [
                    "rpcProxy:", "  listen: \"127.0.0.1:0\"", "  routes:",
                    "    - { name: all, methods: [\"*\"], to: [\"127.0.0.1:\(later.port)\"] }",
                ]
                let file = try ConfigurationFile(configuration.yaml)
                defer { file.remove() }
                let child = try ChildProcess(SwitchyardProcess.binary(), ["up", "--config", file.path])
                defer { child.end() }
                let connection = try obtain("the first dial") { silent.accept(within: .milliseconds(100)) }
                child.signal(SIGTERM)
                #expect(try child.exitCode(within: .seconds(20)) == 0, "\(child.errors)")
                #expect(child.output.isEmpty, "\(child.output)")
                #expect(child.errors.allSatisfy { $0.contains(" info ") || $0.contains(" warning ") }, "\(child.errors)")
                withExtendedLifetime(connection) {}
            }
            #expect(later.accept(within: .milliseconds(100)) == nil, "a role started after the signal")
        }

        @Test("S25, S27: a port that is in use ends the start with 1 and its one line, after what had started has left")
        func inUse() throws {
            let taken = try Listener()
            let lines = [
                "hub:", "  edges: { listen: \"127.0.0.1:0\" }", "  services: { listen: \"127.0.0.1:0\" }", "gateway:",
                "  listen: 127.0.0.1:\(taken.port)",
            ]
            let file = try ConfigurationFile(lines.joined(separator: "\n") + "\n")
            defer { file.remove() }
            let child = try ChildProcess(SwitchyardProcess.binary(), ["up", "--config", file.path])
            defer { child.end() }
            #expect(try child.exitCode(within: .seconds(20)) == 1)
            #expect(child.output.isEmpty, "\(child.output)")
            // What stands before it are warnings about the configuration.
            let told = child.errors.filter { !$0.contains(" warning ") }
            #expect(told.count == 1, "\(told)")
            #expect(told.first?.hasPrefix("switchyard: cannot listen on 127.0.0.1:\(taken.port): the address is in use") == true, "\(told)")
        }
    }
}
