public import Foundation

/// Every reason why a configuration cannot be used.
public struct ConfigurationErrors: Error, Sendable, Equatable, CustomStringConvertible {
    /// One line for each, in file order: `FILE:LINE:COLUMN: message` with both counted from 1, or `--set PATH: message`.
    public let lines: [String]

    public init(lines: [String]) { self.lines = lines }

    public var description: String { lines.joined(separator: "\n") }
}

/// Reads a configuration: the text of one YAML file, and overrides of single values.
public enum ConfigurationLoader {
    /// A configuration without errors.
    public struct Loaded: Sendable, Equatable {
        public var settings: ProcessSettings
        /// What works but is likely a mistake; lines in the form of ``ConfigurationErrors/lines``.
        public var warnings: [String]
    }

    /// Reads a text. Rule S27: this sees everything that `check` can see, before anything is started.
    ///
    /// - Parameters:
    ///   - text: YAML; an empty text is every default and no role.
    ///   - file: the name for messages; relative secret files are looked for next to it.
    ///   - overrides: `PATH=VALUE` each, as given to `--set`; the last one for a path wins.
    ///   - environment: what `env:NAME` is looked up in.
    ///   - machine: what defaults are made of.
    public static func load(
        text: String, file: String, overrides: [String] = [], environment: [String: String] = ProcessInfo.processInfo.environment,
        machine: Machine = .current
    ) -> Result<Loaded, ConfigurationErrors> {
        let report = Report(file: file)
        var document: Value
        do {
            document = try YAMLDocument.parse(text)
        } catch {
            report.error(at: .file(line: error.line, column: error.column), path: "", error.message)
            return .failure(ConfigurationErrors(lines: report.errorLines))
        }
        for (number, text) in overrides.enumerated() {
            Override(text, number: number, report: report)?.apply(to: &document, report: report)
        }
        let secrets = SecretSource(environment: environment, folder: (file as NSString).deletingLastPathComponent)
        let settings = SectionReader.read(document, path: "", place: .file(line: 1, column: 1), report: report, secrets: secrets) { section in
            ProcessSettings(reading: section, machine: machine)
        }
        let errors = report.errorLines
        guard errors.isEmpty, let settings else { return .failure(ConfigurationErrors(lines: errors)) }
        return .success(Loaded(settings: settings, warnings: report.warningLines))
    }

    /// Reads a file. One that is missing, unreadable or no text is one line.
    public static func load(
        path: String, overrides: [String] = [], environment: [String: String] = ProcessInfo.processInfo.environment, machine: Machine = .current
    ) -> Result<Loaded, ConfigurationErrors> {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            let reason = FileManager.default.fileExists(atPath: path) ? "cannot be read by this user" : "is not there"
            return .failure(ConfigurationErrors(lines: ["\(path): the configuration file \(reason)"]))
        }
        guard let text = String(data: data, encoding: .utf8) else {
            return .failure(ConfigurationErrors(lines: ["\(path): the configuration file is not UTF-8 text"]))
        }
        return load(text: text, file: path, overrides: overrides, environment: environment, machine: machine)
    }
}
