import Foundation
public import Logging
import Synchronization

/// Logs on standard error, one line for each event: text for people, or a JSON object for machines.
public struct LineLogHandler: LogHandler {
    /// The process's, unless this logger has been given one of its own.
    public var logLevel: Logger.Level {
        get { ownLevel ?? log.level }
        set { ownLevel = newValue }
    }
    public var metadata: Logger.Metadata = [:]
    private var ownLevel: Logger.Level?
    private let label: String
    private let log: LogSwitch
    private let sink: @Sendable (String) -> Void

    /// - Parameter sink: takes each line, its line break included; standard error unless told otherwise.
    public init(label: String, log: LogSwitch, sink: @escaping @Sendable (String) -> Void = StandardError.log) {
        self.label = label
        self.log = log
        self.sink = sink
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let time = Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        if log.isJSON {
            var line =
                "{\"time\":\(quoted(time)),\"level\":\(quoted(event.level.rawValue)),\"role\":\(quoted(label)),\"message\":\(quoted("\(event.message)"))"
            for (key, value) in fields { line += ",\(quoted(key)):\(quoted("\(value)"))" }
            sink(line + "}\n")
        } else {
            let extra = fields.map { " \($0.key)=\($0.value)" }.joined()
            sink("\(time) \(event.level.rawValue) \(label): \(oneLine("\(event.message)"))\(extra)\n")
        }
    }

    /// Whatever a peer may have put into a message, a line stays one line.
    private func oneLine(_ text: String) -> String {
        text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
            ? String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 })) : text
    }

    private func quoted(_ text: String) -> String {
        guard let data = try? JSONEncoder().encode(text) else { return "\"\"" }
        return String(decoding: data, as: UTF8.self)
    }
}
