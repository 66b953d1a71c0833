import ArgumentParser
import Bench
import Links
import Wire

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure throughput and latency of what answers at an address.",
        subcommands: [BenchPacketCommand.self, BenchRPCCommand.self, BenchRPCHubCommand.self]
    )
}

/// What every protocol's benchmark can be told.
struct BenchOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Connections.", valueName: "number"))
    var connections = 64

    @Option(help: ArgumentHelp("Closed loop: requests in flight on each connection. (default: 16)", valueName: "number"))
    var window: Int?

    @Option(
        help: ArgumentHelp(
            "Open loop: requests per second, all connections together. Latency counts from when a request was due, so a stall is not hidden.",
            valueName: "number"))
    var rate: Int?

    @Option(help: ArgumentHelp("Body bytes of a request.", valueName: "bytes"))
    var size = 100

    @Option(help: ArgumentHelp("How long to measure, after a warm-up of 1 s.", valueName: "seconds"))
    var seconds = 10.0

    @Option(help: ArgumentHelp("Event loops (threads) that make the load.", valueName: "number"))
    var loops = 1

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: "Tell on standard error, once a second, how it goes. On by itself at a terminal.")
    var progress = false

    @OptionGroup(title: "TLS") var tls: TLSOptions

    func validate() throws {
        if window != nil, rate != nil { throw ValidationError("--window is a closed loop and --rate an open one; give one of them") }
        if let fault = plan(to: .host("127.0.0.1", port: 0)).fault { throw ValidationError("--\(fault)") }
    }

    func plan(to target: Endpoint) -> BenchPlan {
        let load = rate.map { BenchPlan.Load.rate($0) } ?? .window(window ?? 16)
        var plan = BenchPlan(target: target, load: load, connections: connections, size: size, seconds: seconds, loops: loops)
        plan.tls = tls.settings
        return plan
    }

    /// Runs `measure` until it is done or interrupted, and prints what it found.
    func report(
        _ measure: @escaping @Sendable (_ onProgress: (@Sendable (BenchProgress) -> Void)?) async throws -> BenchReport
    ) async throws {
        let onProgress: (@Sendable (BenchProgress) -> Void)? =
            progress || Terminal.isWatched ? { @Sendable in Terminal.tell($0.description) } : nil
        let report: BenchReport
        do {
            report = try await interruptible { try await measure(onProgress) }
        } catch let error as BenchFailure {
            Terminal.tell(error.description)
            throw ExitCode(1)
        }
        print(json ? try report.json() : report.text)
        if let problem = report.problem {
            Terminal.tell(problem)
            throw ExitCode(1)
        }
    }
}

struct BenchPacketCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "packet",
        abstract: "Load a gateway with packets whose answers carry the same type and body.",
        discussion: """
            Sends packets over many connections to something that echoes them, \
            and reports packets per second and latency. Each body begins with the \
            time of its request; answers are matched by it.

            As much as 16 packets in flight on each of 64 connections allow:

              switchyard bench packet

            20000 packets per second, whatever the gateway does, for a script:

              switchyard bench packet --rate 20000 --seconds 60 --json

            Ctrl-C ends early with the result so far. Exit codes: 0 every packet \
            was answered; 1 some were not, or a connection failed (one line on \
            standard error says which); 64 usage.
            """
    )

    @Option(help: ArgumentHelp("The gateway: host:port, [v6]:port or unix:/path.", valueName: "address"))
    var to = Endpoint.host("127.0.0.1", port: 7000)

    @OptionGroup var options: BenchOptions

    @Option(help: ArgumentHelp("The packets' type: 0 to 65279 (0xFEFF).", valueName: "number"))
    var type = PacketType(7)

    func validate() throws {
        guard BenchPlan.packetSizes.contains(options.size) else {
            let sizes = BenchPlan.packetSizes
            throw ValidationError("--size is \(options.size); it must be \(sizes.lowerBound) ... \(sizes.upperBound)")
        }
    }

    func run() async throws {
        let plan = options.plan(to: to)
        let type = type.value
        try await options.report { onProgress in try await benchPackets(plan, type: type, onProgress: onProgress) }
    }
}
