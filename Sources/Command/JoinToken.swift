import ArgumentParser
import Foundation
import Operate

/// A join token as commands take it: `env:NAME` or `file:PATH`, never the secret itself, which other users of the machine could see. As in a
/// configuration, line breaks at the end of a file are not part of it.
struct JoinToken: ExpressibleByArgument, Sendable {
    let bytes: [UInt8]

    init?(argument: String) {
        if argument.hasPrefix("env:"), let value = ProcessInfo.processInfo.environment[String(argument.dropFirst(4))], !value.isEmpty {
            bytes = Array(value.utf8)
        } else if argument.hasPrefix("file:"), let text = try? String(contentsOfFile: String(argument.dropFirst(5)), encoding: .utf8) {
            bytes = Array(text.withoutLastLineBreaks.utf8)
        } else {
            return nil
        }
    }
}
