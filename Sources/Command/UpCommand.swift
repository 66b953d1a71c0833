import ArgumentParser
import Dispatch
import Operate
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Not an asynchronous command: the main thread just waits, in a way that every tool that watches processes understands.
struct UpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Start the roles that a configuration names.",
        discussion: """
            Without --config, starts every role on this machine with a small chat \
            and echo server behind the gateway, and a Thrift server behind the RPC \
            proxy: clients connect to 127.0.0.1:7000, callers to 127.0.0.1:7300, \
            status is at http://127.0.0.1:9090/status.

            Prints a line for each listener once it serves; logs go to standard \
            error. SIGTERM (or Ctrl-C) leaves in order, a second one at once; SIGHUP \
            reads the configuration again. Exit codes: 0 left in order; 1 could not \
            run; 64 usage; 78 the configuration has errors, each on a line.
            """)

    @Option(help: ArgumentHelp("The configuration, a YAML file.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Overrides one value, like gateway.listen=127.0.0.1:7000; may be repeated.", valueName: "key=value"))
    var set: [String] = []

    func validate() throws { try validateOverrides(set) }

    func run() throws {
        let process = SwitchyardProcess(.init(file: config, overrides: set)) { line in
            print(line)
            fflush(nil)
        }
        let done = DispatchSemaphore(value: 0)
        let code = Mutex(SwitchyardProcess.ExitCode.failed)
        Task.detached {
            let result = await process.run()
            code.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        throw ArgumentParser.ExitCode(code.withLock { $0.rawValue })
    }
}

/// `--set` takes `key=value`; what the key may be is the configuration's to say.
func validateOverrides(_ overrides: [String]) throws {
    for text in overrides where !text.contains("=") || text.hasPrefix("=") {
        throw ValidationError("--set takes key=value, like gateway.listen=127.0.0.1:7000; it got \(text)")
    }
}
