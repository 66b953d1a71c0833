import ArgumentParser
import Operate

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a configuration file.",
        discussion: """
            Prints the effective configuration, every default filled in and every \
            secret masked, and exits 0; or prints each error with its place and \
            exits 78. Starts nothing.
            """)

    @Argument(help: ArgumentHelp("The configuration, a YAML file.", valueName: "file"))
    var file: String

    @Option(help: ArgumentHelp("Overrides one value, as for up; may be repeated.", valueName: "key=value"))
    var set: [String] = []

    func validate() throws { try validateOverrides(set) }

    func run() throws {
        switch SwitchyardProcess.Source(file: file, overrides: set).load() {
        case .failure(let errors):
            for line in errors.lines { Terminal.tell(line) }
            throw ExitCode(SwitchyardProcess.ExitCode.configuration.rawValue)
        case .success(let loaded):
            for line in loaded.warnings { Terminal.tell("warning: \(line)") }
            print(EffectiveConfiguration.yaml(of: loaded.settings), terminator: "")
        }
    }
}
