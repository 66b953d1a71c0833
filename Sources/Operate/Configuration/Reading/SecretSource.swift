import Foundation

/// Where secrets come from: `env:NAME` and `file:PATH`. A configuration file never holds one itself, and no message shows one.
struct SecretSource {
    var environment: [String: String]
    /// The folder that relative paths start from; empty is the working directory.
    var folder: String

    /// A token of a handshake must fit its message with room to spare.
    static let maxBytes = 4096

    var grammar: Grammar<Secret> {
        Grammar(expected: "env:NAME or file:PATH") { scalar throws(Misfit) in
            let value: String
            if let name = scalar.text.after("env:"), !name.isEmpty {
                guard let found = environment[name] else { throw Misfit("the environment variable \(name) is not set") }
                value = found
            } else if let path = scalar.text.after("file:"), !path.isEmpty {
                value = try read(path)
            } else {
                throw Misfit("a secret must not stand here itself; use env:NAME or file:PATH")
            }
            guard !value.isEmpty else { throw Misfit("\(scalar.text) is empty; it must hold the secret") }
            guard value.utf8.count <= Self.maxBytes else {
                throw Misfit("\(scalar.text) is too long for a secret; use at most \(Self.maxBytes) bytes")
            }
            return Secret(value: value, source: scalar.text)
        }
    }

    /// The file's text without the line breaks at its end.
    private func read(_ path: String) throws(Misfit) -> String {
        let url = URL(fileURLWithPath: path, relativeTo: URL(fileURLWithPath: folder.isEmpty ? "." : folder, isDirectory: true))
        let data: Data?
        do {
            let handle = try FileHandle(forReadingFrom: url)
            defer { try? handle.close() }
            data = try handle.read(upToCount: Self.maxBytes + 3)
        } catch {
            throw Misfit("file:\(path) cannot be read; is it there, and readable for this user?")
        }
        guard let text = String(data: data ?? Data(), encoding: .utf8) else { throw Misfit("file:\(path) is not UTF-8 text") }
        return text.withoutLastLineBreaks
    }
}

extension String {
    fileprivate func after(_ prefix: String) -> String? { hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil }

    /// What a file holds of a secret: everything but the line breaks that editors leave at its end.
    package var withoutLastLineBreaks: String { String(reversed().drop { $0.isNewline }.reversed()) }
}
