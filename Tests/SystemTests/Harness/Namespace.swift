import Foundation

/// A network of its own for one process, whose only cable can be pulled. Linux, as root.
final class Namespace: Sendable {
    let name: String
    private let cable: String
    /// The address of whoever is in it.
    let inside: String
    private let outside: String

    static var isPossible: Bool { geteuid() == 0 && (try? run("ip", "-V")) != nil }

    init() throws {
        name = "switchyard-\(getpid())"
        cable = "sw\(getpid() % 100_000)"
        let third = getpid() % 250
        (inside, outside) = ("10.231.\(third).2", "10.231.\(third).1")
        try Namespace.run("ip", "netns", "add", name)
        do {
            try Namespace.run("ip", "link", "add", cable, "type", "veth", "peer", "name", "\(cable)i", "netns", name)
            try Namespace.run("ip", "addr", "add", "\(outside)/30", "dev", cable)
            try Namespace.run("ip", "link", "set", cable, "up")
            try Namespace.run("ip", "-n", name, "addr", "add", "\(inside)/30", "dev", "\(cable)i")
            try Namespace.run("ip", "-n", name, "link", "set", "\(cable)i", "up")
            try Namespace.run("ip", "-n", name, "link", "set", "lo", "up")
        } catch {
            end()
            throw error
        }
    }

    /// What runs a command in it.
    var command: [String] { ["/usr/bin/env", "ip", "netns", "exec", name] }

    func linkDown() throws { try Namespace.run("ip", "-n", name, "link", "set", "\(cable)i", "down") }

    func end() {
        // The namespace itself goes when the kernel comes to it; its addresses go with the cable, now.
        try? Namespace.run("ip", "link", "del", cable)
        try? Namespace.run("ip", "netns", "del", name)
    }

    private static func run(_ words: String...) throws {
        let child = try ChildProcess(words[0], Array(words.dropFirst()))
        let code = try child.exitCode()
        guard code == 0 else { throw Unmet("\(words.joined(separator: " ")): exit \(code), \(child.errors)") }
    }
}

extension ChildProcess {
    /// Waits for a line of stderr that holds the word.
    func awaitError(_ word: String, within limit: Duration) throws {
        try eventually("a line with \(word): \(errors.suffix(8))", within: limit) { errors.contains { $0.contains(word) } }
    }
}
