import Foundation
import Testing

extension SystemTests {
    /// What the executable has, what `docs/commands.md` says that it has, and what tests run are the same.
    @Suite struct CommandNamesTests {
        /// As the executable describes itself.
        private struct Description: Decodable {
            struct Command: Decodable {
                var commandName: String
                var subcommands: [Command]?
                var arguments: [Argument]?
            }
            struct Argument: Decodable {
                struct Name: Decodable {
                    var kind: String
                    var name: String
                }
                var names: [Name]?
            }
            var command: Command
        }

        /// Words after `switchyard`, and options, of each command that does something.
        private func commands() throws -> [(words: [String], options: [String])] {
            let child = try ChildProcess(SwitchyardProcess.binary(), ["--experimental-dump-help"])
            defer { child.end() }
            #expect(try child.exitCode() == 0)
            let description = try JSONDecoder().decode(Description.self, from: Data(child.output.joined(separator: "\n").utf8))
            var found: [(words: [String], options: [String])] = []
            func visit(_ command: Description.Command, _ words: [String]) {
                for inner in command.subcommands ?? [] where inner.commandName != "help" { visit(inner, words + [inner.commandName]) }
                guard command.subcommands?.isEmpty ?? true else { return }
                let names = (command.arguments ?? []).flatMap { $0.names ?? [] }.filter { $0.kind == "long" }.map(\.name)
                found.append((words, names.filter { $0 != "help" && $0 != "version" }))
            }
            visit(description.command, [])
            return found
        }

        private func text(_ path: String) throws -> String { try String(contentsOfFile: SwitchyardProcess.packageFile(path), encoding: .utf8) }

        @Test("The documentation has every command and each of its options, and no other command")
        func documentation() throws {
            let commands = try commands()
            #expect(commands.count > 8)
            let text = try text("docs/commands.md")
            let sections = Dictionary(
                uniqueKeysWithValues: text.components(separatedBy: "\n## ").dropFirst().map { section in
                    (String(section.prefix { $0 != "\n" }), section)
                })
            let names = commands.map { $0.words.joined(separator: " ") }
            #expect(text.matches(of: /(?m)^\| \[`([a-z ]+)`\]/).map { String($0.output.1) }.sorted() == names.sorted(), "the table")
            #expect(Set(sections.keys) == Set(names + ["TLS"]), "the sections")
            for (name, command) in zip(names, commands) {
                // What these say holds for others too.
                var places = [name]
                if command.words[0] == "bench" { places += ["bench packet", "TLS"] }
                if ["top", "trace", "capture"].contains(name) { places += ["top", "TLS"] }
                for option in command.options {
                    let isThere = places.compactMap { sections[$0] }.contains { section in
                        section.split { !$0.isLowercase && $0 != "-" }.contains("--\(option)")
                    }
                    #expect(isThere, "\(name) --\(option)")
                }
            }
        }

        @Test("Some test runs each command")
        func tests() throws {
            let folder = SwitchyardProcess.packageFile("Tests")
            let files = try #require(FileManager.default.enumerator(atPath: folder)).compactMap { $0 as? String }
                .filter { ($0.hasSuffix(".swift") || $0.hasSuffix(".py")) && !$0.hasSuffix("CommandNamesTests.swift") }
            let tests = try files.map { try String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8) }
            for command in try commands() {
                // As words of a command line: in Swift `binary(), ["send"` or `run("send"`, in Python `[binary, "send"`.
                let words = command.words.map { "\"\($0)\"" }.joined(separator: ", ")
                #expect(tests.contains { $0.contains("[\(words)") || $0.contains("(\(words)") || $0.contains("[binary, \(words)") }, "\(words)")
            }
        }
    }
}
