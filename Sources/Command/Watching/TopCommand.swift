import ArgumentParser
import Foundation
import NIOCore
import Operate
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Watch a running process in the terminal.",
        discussion: """
            Shows roles, rates, upstreams, routes, errors by code, what waits and \
            the lanes of a process, twice a second, from its admin server.

              switchyard top
              switchyard top --admin 10.0.0.5:9090 --token file:/etc/switchyard/token

            Ctrl-C ends it, and so does the process's end. Exit codes: 0 ended; 1 refused \
            or not reachable; 64 usage.
            """)

    @Flag(help: "Print one picture, after a second of watching, and end.")
    var once = false

    @OptionGroup var options: AdminOptions

    func run() async throws {
        let once = once
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let isFull = isTerminal && !once
        if isFull { Terminal.show(ByteBuffer(string: TopScreen.enter)) }
        defer { if isFull { Terminal.show(ByteBuffer(string: TopScreen.leave)) } }
        let feed = Mutex(TopFeed())
        try await options.request("GET", "/events") { bytes in
            for screen in try feed.withLock({ feed in try feed.receive(bytes).compactMap { feed.show($0) } }) {
                let size = Terminal.size
                let lines = screen.lines(width: size.columns, height: once ? .max : size.rows, color: isTerminal)
                if once {
                    Terminal.show(ByteBuffer(string: lines.joined(separator: "\n") + "\n"))
                    return false
                }
                Terminal.show(ByteBuffer(string: isTerminal ? TopScreen.frame(lines) : lines.joined(separator: "\n") + "\n\n"))
            }
            return true
        }
    }
}
