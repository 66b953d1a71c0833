import ArgumentParser
import NIOCore

struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Follow the packets of one user or session through a running process.",
        discussion: """
            Prints a line for each packet that a link of the process reads or \
            writes for them: when, which way, which peer, what. Needs the admin \
            token. The process goes on at its speed: what cannot be told in time is \
            left out.

              switchyard trace --user 1001
              switchyard trace --session 72057611217797121 --seconds 5

            Ctrl-C ends early. Exit codes: 0 the time is over; 1 refused or not \
            reachable; 64 usage.
            """)

    @Option(help: ArgumentHelp("Every session of that user.", valueName: "number"))
    var user: UInt64?

    @Option(help: ArgumentHelp("One session; /links shows their numbers.", valueName: "number"))
    var session: UInt64?

    @Option(help: ArgumentHelp("How long: 1 to 300.", valueName: "seconds"))
    var seconds = 30

    @OptionGroup var options: AdminOptions

    func validate() throws {
        if (user == nil) == (session == nil) { throw ValidationError("give --user or --session") }
        if !(1...300).contains(seconds) { throw ValidationError("--seconds is \(seconds); it must be 1 ... 300") }
    }

    func run() async throws {
        let who = user.map { "user=\($0)" } ?? "session=\(session ?? 0)"
        try await options.request("POST", "/trace?\(who)&seconds=\(seconds)") { bytes in
            Terminal.show(bytes)
            return true
        }
    }
}
