import Foundation
import Testing

extension SystemTests {
    /// Exit codes, and the one line that says why (rule S27).
    @Suite struct ExitCodeTests {
        /// Runs to the end; gives the exit code and the lines of stderr.
        private func run(_ arguments: [String], environment: [String: String] = [:]) throws -> (code: Int32, output: [String], errors: [String]) {
            let child = try ChildProcess(SwitchyardProcess.binary(), arguments, environment: environment)
            defer { child.end() }
            let code = try child.exitCode(within: .seconds(15))
            return (code, child.output, child.errors.filter { !$0.isEmpty })
        }

        private func withFile<Result>(_ text: String, _ body: (String) throws -> Result) throws -> Result {
            let file = try ConfigurationFile(text)
            defer { file.remove() }
            return try body(file.path)
        }

        @Test("S27: a port in use ends `up` with 1 and one line that names it", arguments: ["gateway", "admin"])
        func portInUse(listener: String) throws {
            let taken = try Listener()
            var configuration = Configuration()
            switch listener {
            case "gateway": configuration.listen = "127.0.0.1:\(taken.port)"
            default: configuration.admin = "{ listen: 127.0.0.1:\(taken.port) }"
            }
            try withFile(configuration.yaml) { path in
                let result = try run(["up", "--config", path])
                #expect(result.code == 1)
                // Warnings may come before: a missing route, too few open files.
                let errors = result.errors.filter { !$0.contains(" warning ") }
                #expect(errors.count == 1 && errors.first?.contains("\(taken.port)") == true, "\(errors)")
                #expect(!result.output.contains { $0.contains("listening on 127.0.0.1:\(taken.port)") })
            }
            withExtendedLifetime(taken) {}
        }

        /// A file that `check` can refuse, and the line and column where.
        static let faults: [(name: String, yaml: String, place: String)] = [
            ("an unknown key", "gateway:\n  listen: 127.0.0.1:0\n  rotes: []\n", "3:3"),
            ("an unknown key at the top", "gatway:\n  listen: 127.0.0.1:0\n", "1:1"),
            ("a wrong duration", "gateway:\n  listen: 127.0.0.1:0\ndrainTimeout: soon\n", "3:15"),
            ("a wrong type", "loops: many\ngateway:\n  listen: 127.0.0.1:0\n", "1:8"),
            ("an ES id that is none", "gateway:\n  listen: 127.0.0.1:0\n  esID: 0\n", "3:9"),
            ("0 for unlimited", "gateway:\n  listen: 127.0.0.1:0\n  limits: { connections: 0 }\n", "3:26"),
            ("no port", "gateway:\n  listen: localhost\n", "2:11"),
            (
                "overlapping types",
                "gateway:\n  listen: 127.0.0.1:0\n  routes:\n    - { name: a, types: [1-9], to: [127.0.0.1:1] }\n"
                    + "    - { name: b, types: [9], to: [127.0.0.1:1] }\n",
                "5:"
            ),
            (
                "a name twice",
                "gateway:\n  listen: 127.0.0.1:0\n  routes:\n    - { name: a, types: [1], to: [127.0.0.1:1] }\n"
                    + "    - { name: a, types: [2], to: [127.0.0.1:1] }\n",
                "5:15"
            ),
            (
                "a reserved name", "gateway:\n  listen: 127.0.0.1:0\n  routes:\n    - { name: hubs, types: [1], to: [127.0.0.1:1] }\n",
                "4:15"
            ),
            ("a default that is not there", "gateway:\n  listen: 127.0.0.1:0\n  default: chat\n", "3:12"),
            ("a secret in the file", "admin: { listen: 127.0.0.1:0, token: hunter2 }\ngateway:\n  listen: 127.0.0.1:0\n", "1:38"),
            (
                "a secret that is not set",
                "admin: { listen: 127.0.0.1:0, token: env:SWITCHYARD_TEST_UNSET }\ngateway:\n  listen: 127.0.0.1:0\n", "1:38"
            ),
            ("broken YAML", "gateway: [1, 2\nloops: 1\n", ""),
        ]

        @Test("S27: what `check` can see ends `up` with 78 and FILE:LINE:COLUMN: message", arguments: ExitCodeTests.faults)
        func configuration(_ fault: (name: String, yaml: String, place: String)) throws {
            try withFile(fault.yaml) { path in
                for arguments in [["up", "--config", path], ["check", path]] {
                    let result = try run(arguments)
                    #expect(result.code == 78, "\(fault.name): \(arguments[0])")
                    #expect(result.errors.count == 1, "\(fault.name): \(result.errors)")
                    let line = result.errors.first ?? ""
                    #expect(line.hasPrefix("\(path):\(fault.place)"), "\(fault.name): \(line)")
                    #expect(line.dropFirst(path.count).prefixMatch(of: /:[0-9]+:[0-9]+: ./) != nil, "\(fault.name): \(line)")
                    #expect(!result.output.contains { $0.contains("listening") })
                    #expect(!line.contains("hunter2"))
                }
            }
        }

        @Test("S27: `check` prints every error, not the first alone")
        func everyError() throws {
            try withFile("loops: many\ngateway:\n  listen: 127.0.0.1:0\n  esID: 0\n  rotes: []\n") { path in
                let result = try run(["check", path])
                #expect(result.code == 78)
                #expect(result.errors.count == 3, "\(result.errors)")
                for place in ["1:8", "4:9", "5:3"] { #expect(result.errors.contains { $0.hasPrefix("\(path):\(place): ") }) }
            }
        }

        @Test("S27: a file that is not there is 78, and named", arguments: ["up", "check"])
        func missingFile(command: String) throws {
            let path = "/nonexistent/switchyard.yaml"
            let result = try run(command == "up" ? ["up", "--config", path] : ["check", path])
            #expect(result.code == 78)
            #expect(result.errors.count == 1 && result.errors.first?.contains(path) == true, "\(result.errors)")
        }

        @Test("S27: usage is 64", arguments: [["frobnicate"], ["up", "--nonsense"], ["send", "--type", "many"], ["send"], ["check"]])
        func usage(arguments: [String]) throws {
            let result = try run(arguments)
            #expect(result.code == 64)
            #expect(!result.errors.isEmpty)
        }

        @Test("Config: `check` prints the effective configuration, secrets masked, and exits 0")
        func check() throws {
            let yaml = "admin: { listen: 127.0.0.1:0, token: env:SWITCHYARD_TEST_TOKEN }\ngateway:\n  listen: 127.0.0.1:7123\n"
            try withFile(yaml) { path in
                let result = try run(["check", path], environment: ["SWITCHYARD_TEST_TOKEN": "hunter2"])
                #expect(result.code == 0, "\(result.errors)")
                let text = result.output.joined(separator: "\n")
                #expect(text.contains("127.0.0.1:7123") && text.contains("strict") && text.contains("30s"), "defaults are shown")
                #expect(!text.contains("hunter2"))
            }
        }
    }
}
